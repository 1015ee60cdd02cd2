//! `IdentityToken`: who asks, as somebody vouches for it. It is read here and judged elsewhere: its signature is for the
//! authority, which knows the keys of issuers.

use std::fmt;

use aisoc_manifests::fault::Result;
use aisoc_manifests::text::{in_ascii, shown};
use aisoc_signing::proof::{Constraint, Identity};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::refusal;

/// For whom a token has to be: for the authority, by the name under which every instance of sigstore knows itself.
pub const AUDIENCE: &str = "sigstore";
/// Nothing that vouches for somebody is longer: those of GitHub have two thousand bytes.
pub const MAX_IDENTITY_TOKEN_BYTES: usize = 16 << 10;
/// The issuer of the tokens of GitHub Actions, and where the workflows are that those name.
const GITHUB: (&str, &str) = ("https://token.actions.githubusercontent.com", "https://github.com/");

/// A JSON Web Token (RFC 7519). No message and no `Debug` has it.
pub struct IdentityToken {
    text: Zeroizing<String>,
    claims: Claims,
}

/// What is read of it. Names alone, which the certificate will show to everybody.
struct Claims {
    issuer: String,
    name: String,
    challenge: String,
}

/// Who has to have signed, where it does not follow of the token.
#[derive(Debug, Clone, Default)]
pub struct ExpectedIdentity {
    /// The name in the certificate.
    pub name: Option<String>,
    /// Who vouches for it.
    pub issuer: Option<String>,
}

#[derive(Deserialize)]
struct WrittenClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    email: Option<String>,
    #[serde(default)]
    email_verified: Flag,
    /// Of GitHub: the workflow that runs, or the one that it calls.
    job_workflow_ref: Option<String>,
    /// Of GitLab: the file that says what runs.
    ci_config_ref_uri: Option<String>,
}

/// Some issuers write it as a text, which authorities take as well.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Plain(bool),
    Text(String),
}

impl Default for Flag {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl Flag {
    fn is_set(&self) -> bool {
        match self {
            Self::Plain(flag) => *flag,
            Self::Text(text) => text == "true",
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl IdentityToken {
    /// The token in what a file, a variable or an issuer holds, with the line break that tools leave behind it or
    /// without. `given_by` is how that is called.
    ///
    /// # Errors
    /// `identity_token_invalid` for what is none, for one whose time is over, and for one for somebody else. None of it is
    /// shown but what it says of its audience.
    pub fn read(bytes: &[u8], given_by: &str, now: Timestamp) -> Result<Self> {
        let none = || {
            refusal::token(format!("that {given_by} holds is none"))
                .expected("a JSON Web Token: three parts in base64url", "something else")
        };
        let text = std::str::from_utf8(bytes).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let mut parts = text.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(none());
        };
        if text.len() > MAX_IDENTITY_TOKEN_BYTES || !text.bytes().all(is_in_token) {
            return Err(none());
        }
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).map_err(|_| none())?);
        let written: WrittenClaims = serde_json::from_slice(&decoded).map_err(|_| {
            refusal::token(format!("that {given_by} holds does not say who it is of"))
                .expected("the claims `iss`, `sub`, `aud` and `exp`", "other claims")
        })?;
        let claims = written.judged(given_by, now)?;
        Ok(Self { text: Zeroizing::new(text.to_owned()), claims })
    }

    /// What is signed to show that the key is in the hands of whom the token names.
    pub(crate) fn challenge(&self) -> &str {
        &self.claims.challenge
    }

    /// Who the certificate has to be of.
    ///
    /// # Errors
    /// `usage` for a name that is longer than any.
    pub(crate) fn identity(&self, expected: &ExpectedIdentity) -> Result<(String, String, Identity)> {
        let name = expected.name.clone().unwrap_or_else(|| self.claims.name.clone());
        let issuer = expected.issuer.clone().unwrap_or_else(|| self.claims.issuer.clone());
        let identity = Identity { name: Constraint::exact(&name)?, issuer: Constraint::exact(&issuer)? };
        Ok((name, issuer, identity))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[identity token of {}]", in_ascii(&self.claims.name))
    }
}

impl WrittenClaims {
    fn judged(self, given_by: &str, now: Timestamp) -> Result<Claims> {
        if !self.aud.names().iter().any(|name| name == AUDIENCE) {
            let found = shown(&self.aud.names().join(", "), 120);
            return Err(refusal::token(format!("that {given_by} holds is for somebody else"))
                .expected(format!("the audience `{AUDIENCE}`"), format!("`{found}`"))
                .hint(format!("have the job ask for a token with the audience `{AUDIENCE}`")));
        }
        // Seconds since 1970, with or without a fraction (RFC 7519, 2).
        let ends = Timestamp::from_second(self.exp as i64).map_err(|_| {
            refusal::token(format!("that {given_by} holds ends at no time that a calendar has"))
                .expected("`exp` in seconds since 1970", "another number")
        })?;
        if ends <= now {
            return Err(refusal::token(format!("that {given_by} holds has expired"))
                .expected(format!("one that is valid at {now:.0}"), format!("valid until {ends:.0}"))
                .hint("have the job ask for a new one just before it signs, unless the clock of this machine is wrong: `date -u`"));
        }
        // As the authority has it: a mail address that the issuer has seen, else the subject.
        let mail = self.email.filter(|_| self.email_verified.is_set());
        let challenge = mail.clone().unwrap_or_else(|| self.sub.clone());
        let workflow = self.job_workflow_ref.filter(|_| self.iss == GITHUB.0);
        let name = match (workflow, self.ci_config_ref_uri) {
            (Some(workflow), _) => format!("{}{workflow}", GITHUB.1),
            (None, Some(file)) => format!("https://{file}"),
            (None, None) => mail.unwrap_or(self.sub),
        };
        Ok(Claims { issuer: self.iss, name, challenge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::fault::Reason;
    use serde_json::{Value, json};

    const NOW: i64 = 1_000;

    fn token(claims: &Value) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part("{}"), part(&claims.to_string()), part("signature"))
    }

    fn read(text: &str) -> Result<IdentityToken> {
        IdentityToken::read(text.as_bytes(), "`f`", Timestamp::from_second(NOW).expect("a time"))
    }

    fn claims(more: Value) -> Value {
        let mut claims = json!({"iss": "https://issuer.test", "sub": "who", "aud": "sigstore", "exp": NOW + 1});
        let members = claims.as_object_mut().expect("an object");
        more.as_object()
            .expect("an object")
            .iter()
            .for_each(|(name, value)| drop(members.insert(name.clone(), value.clone())));
        claims
    }

    #[test]
    fn the_identity_is_what_the_authority_will_make_of_the_token() {
        let github = "https://token.actions.githubusercontent.com";
        for (more, challenge, name) in [
            (json!({}), "who", "who"),
            (json!({"aud": ["other", "sigstore"]}), "who", "who"),
            (json!({"exp": 1_000.5 + 1.0}), "who", "who"),
            (json!({"email": "a@b.test", "email_verified": true}), "a@b.test", "a@b.test"),
            (json!({"email": "a@b.test", "email_verified": "true"}), "a@b.test", "a@b.test"),
            (json!({"email": "a@b.test", "email_verified": "false"}), "who", "who"),
            (json!({"email": "a@b.test"}), "who", "who"),
            (
                json!({"iss": github, "job_workflow_ref": "o/r/.github/workflows/w.yml@refs/heads/main"}),
                "who",
                "https://github.com/o/r/.github/workflows/w.yml@refs/heads/main",
            ),
            // Another issuer may write whatever it likes.
            (json!({"job_workflow_ref": "o/r/.github/workflows/w.yml@refs/heads/main"}), "who", "who"),
            (
                json!({"ci_config_ref_uri": "gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main"}),
                "who",
                "https://gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main",
            ),
        ] {
            let token = read(&format!("{}\n", token(&claims(more.clone())))).expect("a token");
            let found = token.identity(&ExpectedIdentity::default()).expect("a name").0;
            assert_eq!((token.challenge(), found.as_str()), (challenge, name), "{more}");
        }
    }

    #[test]
    fn an_expected_identity_stands_in_the_place_of_the_tokens() {
        let expected = ExpectedIdentity { name: Some("n".into()), issuer: Some("i".into()) };
        let (name, issuer, _) = read(&token(&claims(json!({})))).expect("a token").identity(&expected).expect("a name");
        assert_eq!((name.as_str(), issuer.as_str()), ("n", "i"));
    }

    #[test]
    fn what_is_no_token_or_does_not_count_is_refused_and_not_shown() {
        let claimed = |more: Value| token(&claims(more));
        let mut without = claims(json!({}));
        without.as_object_mut().expect("an object").remove("exp");
        for (text, why) in [
            (String::new(), "is none"),
            ("hunter2".to_owned(), "is none"),
            ("hunter2.hunter2".to_owned(), "is none"),
            ("a.!hunter2.c".to_owned(), "is none"),
            (format!("{}.x", claimed(json!({}))), "is none"),
            (format!("{} hunter2", claimed(json!({}))), "is none"),
            (token(&json!([])), "does not say who"),
            (token(&without), "does not say who"),
            (claimed(json!({"aud": "other"})), "is for somebody else"),
            (claimed(json!({"aud": []})), "is for somebody else"),
            (claimed(json!({"exp": NOW})), "has expired"),
            (claimed(json!({"exp": 1e300})), "ends at no time"),
        ] {
            let fault = read(&text).expect_err(&text);
            assert_eq!(fault.reason(), Reason::IdentityTokenInvalid, "{text}");
            assert!(fault.message().contains(why), "{text}: {fault:?}");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn a_token_has_an_end() {
        let empty = token(&claims(json!({"sub": ""}))).len();
        let padded = |total: usize| {
            // Base64 grows by four for three: the signature takes what is left.
            let text = token(&claims(json!({"sub": "hunter2"})));
            let (rest, _) = text.rsplit_once('.').expect("parts");
            format!("{rest}.{}", "x".repeat(total - rest.len() - 1))
        };
        assert!(empty < MAX_IDENTITY_TOKEN_BYTES - 1);
        for length in [MAX_IDENTITY_TOKEN_BYTES - 1, MAX_IDENTITY_TOKEN_BYTES] {
            assert!(read(&padded(length)).is_ok());
        }
        assert!(read(&padded(MAX_IDENTITY_TOKEN_BYTES + 1)).is_err());
    }

    #[test]
    fn nobody_sees_it() {
        let text = token(&claims(json!({})));
        assert_eq!(format!("{:?}", read(&text).expect("a token")), "[identity token of who]");
    }
}
