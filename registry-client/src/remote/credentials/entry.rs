//! One login, however it is written down, as the credential that it is.

use aisoc_manifests::fault::Result;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;

use super::credential::{Credential, plain, unusable};
use crate::options::Secret;

/// Tools leave out the padding, or write it; and Go, in which most are written, reads over bits behind the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What stands at a key of `auths`. An absent member, `null` and an empty text are one thing.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The credential of an entry: a token for the registry, else one for its token service, else `auth`, else
/// user name and password, as Docker has them; nothing for an entry that says only that a store has one.
///
/// # Errors
/// `registry_denied` when there is something and it cannot be used. It is not quoted.
pub(super) fn read(entry: &Value) -> Result<Option<Credential>> {
    // A list would be read as the members in their order.
    if entry.is_array() {
        return Err(unusable("is a list"));
    }
    let entry = Option::<Entry>::deserialize(entry).map_err(|_| unusable("is not made of texts"))?.unwrap_or_default();
    let said = |member: &Option<String>| member.clone().filter(|text| !text.is_empty());
    if let Some(token) = said(&entry.registrytoken) {
        let token = plain(&token).ok().filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        let token = token.ok_or_else(|| unusable("has a `registrytoken` that cannot stand in a header"))?;
        return Ok(Some(Credential::RegistryToken(Secret::new(token))));
    }
    if let Some(token) = said(&entry.identitytoken) {
        return plain(&token).map(|token| Some(Credential::IdentityToken(Secret::new(token))));
    }
    match said(&entry.auth) {
        Some(auth) => decoded(&auth).and_then(|(username, password)| Credential::of_login(&username, &password)),
        None => Credential::of_login(&entry.username.unwrap_or_default(), &entry.password.unwrap_or_default()),
    }
}

/// `auth` is base64 of `user:password`. Line breaks and blanks in it are of whoever pasted it, NULs behind it
/// of old versions of Docker, which reads over both.
fn decoded(auth: &str) -> Result<(String, String)> {
    let packed: String = auth.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(packed).map_err(|_| unusable("has an `auth` that is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("has an `auth` that is not UTF-8"))?;
    let halves = text.trim_end_matches('\0').split_once(':');
    let (username, password) = halves.ok_or_else(|| unusable("has an `auth` without a `:` in it"))?;
    Ok((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::credential::tests::revealed;
    use super::*;
    use aisoc_manifests::fault::Reason;
    use base64::engine::general_purpose;

    fn read_text(entry: &str) -> Result<String> {
        read(&serde_json::from_str(entry).expect(entry)).map(revealed)
    }

    #[test]
    fn an_entry_is_read_as_docker_reads_it() {
        for (entry, expected) in [
            ("{}", "none"),
            ("null", "none"),
            (r#"{"auth":"","email":"me@example.com"}"#, "none"),
            (r#"{"auth":null,"username":null,"password":"","identitytoken":""}"#, "none"),
            (r#"{"auth":"Og=="}"#, "none"),
            (r#"{"auth":"dTpw"}"#, r#"login "u" "p""#),
            (r#"{"auth":"","username":"u","password":"p"}"#, r#"login "u" "p""#),
            (r#"{"username":"u","password":"p"}"#, r#"login "u" "p""#),
            (r#"{"username":"","password":"p"}"#, r#"login "" "p""#),
            (r#"{"auth":"dTpw","username":"other","password":"old"}"#, r#"login "u" "p""#),
            (r#"{"auth":"dTpw","identitytoken":"t"}"#, r#"identity "t""#),
            (r#"{"auth":"dTpw","identitytoken":"t","registrytoken":"r"}"#, r#"registry "r""#),
            (r#"{"registrytoken":"r\n"}"#, r#"registry "r""#),
            (r#"{"username":"<token>","password":"t"}"#, r#"identity "t""#),
        ] {
            assert_eq!(read_text(entry).expect(entry), expected, "{entry}");
        }
    }

    #[test]
    fn the_ways_in_which_tools_and_scripts_write_auth() {
        let auth = |text: &str| general_purpose::STANDARD.encode(text);
        let wrapped = auth(&format!("u:{}", "p".repeat(90)))
            .as_bytes()
            .chunks(76)
            .map(String::from_utf8_lossy)
            .fold(String::new(), |text, line| text + &line + "\\n");
        for (auth, expected) in [
            ("dTpwdw==".to_owned(), r#"login "u" "pw""#.to_owned()),
            ("dTpwdw".to_owned(), r#"login "u" "pw""#.to_owned()),
            ("dTpwdx".to_owned(), r#"login "u" "pw""#.to_owned()),
            (" dTpw dw==\\n".to_owned(), r#"login "u" "pw""#.to_owned()),
            (wrapped, format!("login \"u\" {:?}", "p".repeat(90))),
            (auth("u:p\0\0\0"), r#"login "u" "p""#.to_owned()),
            (auth("u:p\n"), r#"login "u" "p""#.to_owned()),
            (auth("u:p\r\n"), r#"login "u" "p""#.to_owned()),
            (auth("u:a:b::c"), r#"login "u" "a:b::c""#.to_owned()),
            (auth("u: p "), r#"login "u" " p ""#.to_owned()),
            (auth("u:"), r#"login "u" """#.to_owned()),
            (auth(":p"), r#"login "" "p""#.to_owned()),
            (auth("<token>:t"), r#"identity "t""#.to_owned()),
            (auth("ü:pässwörd"), r#"login "ü" "pässwörd""#.to_owned()),
        ] {
            let entry = format!(r#"{{"auth":"{auth}"}}"#);
            assert_eq!(read_text(&entry).expect(&entry), expected, "{auth}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_quoted() {
        let auth = |text: &str| format!(r#"{{"auth":"{}"}}"#, general_purpose::STANDARD.encode(text));
        for entry in [
            "\"hunter2\"".to_owned(),
            r#"["dTpw","u","hunter2"]"#.to_owned(),
            r#"{"auth":7}"#.to_owned(),
            r#"{"password":["hunter2"]}"#.to_owned(),
            r#"{"auth":"hunter2!"}"#.to_owned(),
            auth("hunter2"),
            auth("u:hunter2\n\n"),
            auth("u:hunt\rer2"),
            auth("u\n:hunter2\0x"),
            auth("u:\u{9b}hunter2"),
            r#"{"identitytoken":"hunter2\nx"}"#.to_owned(),
            r#"{"registrytoken":"hunter2\u0000"}"#.to_owned(),
            r#"{"registrytoken":"hunter2 x"}"#.to_owned(),
        ] {
            let fault = read_text(&entry).expect_err(&entry);
            assert_eq!(fault.reason(), Reason::RegistryDenied);
            assert!(
                fault.message().starts_with("the login ") && !format!("{fault:?}").contains("hunter2"),
                "{fault:?}"
            );
        }
    }
}
