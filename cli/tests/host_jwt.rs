//! Tokens of an issuer of the site: which count, which do not, and what is said of who shows one.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use aisoc_manifests::digest::{FileDigest, hex};
use aisoc_testkit::jwt::{self, part};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::asking::{CODE, put, said_as};
use support::host::{Answered, ServedHost, bench, command, has_python};
use support::{Bench, Run};

const ISSUER: &str = "https://id.example/realm";
const WORDS: [&str; 6] = ["--jwks", "jwks.json", "--jwt-issuer", ISSUER, "--jwt-audience", "aisoc-host"];
const LIST: &str = "/api/v1/plugins";

/// A bench with a plugin that is refused, which takes no Python, and the keys of the issuer.
fn bench_with_keys() -> Bench {
    let bench = bench();
    bench.run(&["plugin", "new", "bare", "--type", "widget", "-o", "plugins"]).ok();
    write_keys(&bench, &jwt::key_set());
    bench
}

fn write_keys(bench: &Bench, keys: &Value) {
    bench.write("jwks.json", keys.to_string());
    fs::set_permissions(bench.path("jwks.json"), Permissions::from_mode(0o644)).expect("set");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// What a token says that counts, with these instead; what is null is left out.
fn claims(other: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": "aisoc-host", "sub": "ops@example.com", "exp": now() + 600, "nbf": now(), "iat": now(),
        "scope": "plugins:read",
    });
    let Value::Object(other) = other else { panic!("no object") };
    for (name, value) in other {
        claims[&name] = value;
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims.to_string()
}

fn header(key: &str) -> &'static str {
    match key {
        "rsa" => r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#,
        "p256" => r#"{"alg":"ES256","kid":"p256"}"#,
        _ => r#"{"alg":"EdDSA","kid":"ed25519","typ":"at+jwt"}"#,
    }
}

/// A token that counts, but for that.
fn token(other: Value) -> String {
    jwt::token("ed25519", header("ed25519"), &claims(other))
}

fn asked(host: &ServedHost, method: &str, path: &str, token: &str) -> Answered {
    host.send(method, path, &format!("Authorization: Bearer {token}\r\n"), "")
}

#[test]
fn a_token_counts_by_its_key_its_issuer_its_audience_and_its_times() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    for key in ["rsa", "p256", "ed25519"] {
        let token = jwt::token(key, header(key), &claims(json!({})));
        asked(&host, "GET", LIST, &token).ok();
    }
    for other in [
        json!({ "aud": ["another", "aisoc-host"] }),
        json!({ "nbf": null, "iat": null }),
        json!({ "exp": now() - 30 }),
        json!({ "nbf": now() + 30, "iat": now() + 30 }),
        json!({ "exp": now() as f64 + 0.5 }),
        json!({ "azp": "somebody", "scope": "openid plugins:read email" }),
    ] {
        asked(&host, "GET", LIST, &token(other.clone())).ok();
    }
    for other in [
        json!({ "exp": null }),
        json!({ "exp": now() - 90 }),
        json!({ "exp": (now() + 600).to_string() }),
        json!({ "exp": null, "nbf": null, "iat": null }),
        json!({ "nbf": now() + 90 }),
        json!({ "nbf": "now" }),
        json!({ "iat": now() + 90 }),
        json!({ "iat": true }),
        json!({ "iss": null }),
        json!({ "iss": format!("{ISSUER}/") }),
        json!({ "iss": [ISSUER] }),
        json!({ "aud": null }),
        json!({ "aud": "aisoc-host-2" }),
        json!({ "aud": [] }),
        json!({ "aud": { "aisoc-host": true } }),
        json!({ "aud": vec!["x"; 100].into_iter().chain(["aisoc-host"]).collect::<Vec<_>>() }),
    ] {
        let answer = asked(&host, "GET", LIST, &token(other.clone()));
        answer.refused(401, "not_authenticated", "Could not validate credentials");
    }
    for name in [Value::Null, json!(""), json!(7), json!("a b"), json!("a\nb"), json!("é"), json!("x".repeat(129))] {
        let answer = asked(&host, "GET", LIST, &token(json!({ "sub": name })));
        answer.refused(401, "not_authenticated", "Invalid token");
    }
    asked(&host, "GET", LIST, &token(json!({ "sub": "x".repeat(128) }))).ok();
}

#[test]
fn what_an_issuer_has_not_signed_so_is_no_token() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    let good = token(json!({}));
    asked(&host, "GET", LIST, &good).ok();
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let said = claims(json!({}));
    let with = |header: &str| jwt::token("ed25519", header, &said);
    let public = fs::read(jwt::file("jwks.json")).expect("read");
    let mut tokens = vec![
        // By no signature, or one that anybody can make who has the public keys.
        format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&said)),
        format!("{}.{}.", part(r#"{"alg":"none","kid":"ed25519"}"#), part(&said)),
        with(r#"{"alg":"NONE","kid":"ed25519"}"#),
        with(r#"{"alg":"HS256","kid":"ed25519"}"#),
        format!("{}.{}.{}", part(r#"{"alg":"HS256","kid":"rsa"}"#), part(&said), part(&public[..32])),
        // By another algorithm than its key is for, or than a host takes.
        with(r#"{"alg":"ES256","kid":"ed25519"}"#),
        with(r#"{"alg":"RS256","kid":"ed25519"}"#),
        with(r#"{"alg":"RS512","kid":"ed25519"}"#),
        with(r#"{"alg":"EdDSA","kid":"rsa"}"#),
        with(r#"{"alg":["EdDSA"],"kid":"ed25519"}"#),
        jwt::token("p256", r#"{"alg":"ES256","kid":"rsa"}"#, &said),
        // By a key that the file has not, or by nobody knows which.
        with(r#"{"alg":"EdDSA","kid":"other"}"#),
        with(r#"{"alg":"EdDSA","kid":""}"#),
        with(r#"{"alg":"EdDSA"}"#),
        with(r#"{"alg":"EdDSA","kid":7}"#),
        // By a key that it brings along, or a rule that nobody knows.
        with(r#"{"alg":"EdDSA","kid":"ed25519","jku":"https://evil.example/jwks.json"}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","jwk":{"kty":"OKP"}}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","x5u":"https://evil.example/x"}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","x5c":[]}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","crit":["exp"],"exp":1}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","b64":false,"crit":["b64"]}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","zip":"DEF"}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","typ":"secevent+jwt"}"#),
        with(r#"{"alg":"EdDSA","kid":"ed25519","typ":7}"#),
        // What two readers would read differently.
        with(r#"{"alg":"EdDSA","alg":"EdDSA","kid":"ed25519"}"#),
        with(r#"{"alg":"EdDSA","kid":"other","kid":"ed25519"}"#),
        jwt::token("ed25519", header("ed25519"), &said.replacen('{', r#"{"sub":"root","#, 1)),
        jwt::token("ed25519", header("ed25519"), &format!("{said} {{}}")),
        jwt::token("ed25519", header("ed25519"), &format!("[{said}]")),
        with(&format!(r#"{{"alg":"EdDSA","kid":"ed25519","x5t":{}1{}}}"#, "[".repeat(70), "]".repeat(70))),
        // Cut, grown, or changed.
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{}", &signature[..signature.len() - 2]),
        format!("{good}."),
        format!("{good}.x"),
        format!("{good}=="),
        format!("{}.{}", signed.replacen('.', "..", 1), signature),
        good[1..].to_owned(),
        format!("{}.{}.{signature}", part(header("ed25519")), part(claims(json!({ "scope": "*" })))),
        "a.b.c".to_owned(),
        "..".to_owned(),
    ];
    // The last letter of a signature holds four bits that count for nothing, and are to be zero.
    let last = signature.chars().last().expect("not empty");
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = letters.chars().nth(letters.find(last).expect("base64url") + 1).expect("not the last");
    tokens.push(format!("{signed}.{}{next}", &signature[..signature.len() - 1]));
    let ecdsa = jwt::token("p256", header("p256"), &said);
    tokens.push(format!("{ecdsa}AA"));
    for token in &tokens {
        let answer = asked(&host, "GET", LIST, token);
        answer.refused(401, "not_authenticated", "Could not validate credentials");
    }
    for token in tokens.iter().chain([&good]).filter(|token| token.len() > 20) {
        assert!(!host.said().contains(token.as_str()), "a token was said");
    }
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| FileDigest::of(bytes).as_bytes().to_vec();
    let mut key = if secret.len() > 64 { digest(secret) } else { secret.to_vec() };
    key.resize(64, 0);
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
    digest(&[padded(0x5c), digest(&[padded(0x36).as_slice(), message].concat())].concat())
}

#[test]
fn a_public_key_is_no_secret_and_no_algorithm_is_none() {
    // RFC 4231, 4.3.
    let known = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(hex(&known), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    let said = part(claims(json!({ "scope": "*" })));
    let keys = jwt::key_set();
    let mut tokens = Vec::new();
    for id in ["rsa", "p256", "ed25519"] {
        let key = keys["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == id).expect("the key");
        let member = |name: &str| key[name].as_str().map(str::to_owned).unwrap_or_default();
        let decoded = |name: &str| URL_SAFE_NO_PAD.decode(member(name)).expect("base64url");
        // The public key as whoever has it may have taken it for a secret: as numbers, as text, as a file, as a certificate
        // has it, as nothing at all.
        let mut secrets: Vec<Vec<u8>> = vec![
            fs::read(bench.path("jwks.json")).expect("read"),
            key.to_string().into_bytes(),
            member("x").into_bytes(),
            member("n").into_bytes(),
            decoded("x"),
            decoded("n"),
            [&[4][..], &decoded("x"), &decoded("y")].concat(),
            id.as_bytes().to_vec(),
            Vec::new(),
        ];
        for form in [["-outform", "PEM"], ["-outform", "DER"]] {
            let words = ["pkey", "-pubout", "-in"];
            let private = jwt::file(&format!("TEST-ONLY-{id}.pem"));
            let openssl = Command::new("openssl").args(words).arg(private).args(form).output();
            match openssl {
                Ok(made) if made.status.success() => secrets.push(made.stdout),
                _ => eprintln!("SKIPPED: there is no openssl to write the public key {form:?}"),
            }
        }
        for algorithm in ["HS256", "hs256", "HS384", "HS512"] {
            let header = part(format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#));
            tokens.extend(secrets.iter().map(|secret| {
                let signed = format!("{header}.{said}");
                format!("{signed}.{}", part(hmac(secret, signed.as_bytes())))
            }));
        }
        for algorithm in ["none", "None", "nOnE", "NONE", "none ", "", "null"] {
            for header in [
                format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#),
                format!(r#"{{"alg":"{algorithm}"}}"#),
                format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{id}"}}"#),
            ] {
                let signed = format!("{}.{said}", part(&header));
                let by_key = part(jwt::sign(id, signed.as_bytes()));
                tokens.extend(["", "AA", "bm9uZQ", by_key.as_str()].map(|end| format!("{signed}.{end}")));
                tokens.push(signed);
            }
        }
        tokens.push(format!("{}.{said}.", part(format!(r#"{{"alg":null,"kid":"{id}"}}"#))));
        tokens.push(format!("{}.{said}.", part(format!(r#"{{"kid":"{id}"}}"#))));
    }
    assert!(tokens.len() > 400, "{}", tokens.len());
    for token in &tokens {
        let answer = asked(&host, "GET", LIST, token);
        answer.refused(401, "not_authenticated", "Could not validate credentials");
    }
    asked(&host, "GET", LIST, &token(json!({ "scope": "*" }))).ok();
}

#[test]
fn a_token_is_as_long_as_one_may_be() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    let padded = |length: usize| token(json!({ "padding": "x".repeat(length) }));
    // Three bytes are four letters.
    let (mut least, mut most) = (0, 8 << 10);
    while most - least > 1 {
        let middle = (least + most) / 2;
        if padded(middle).len() <= 8 << 10 { least = middle } else { most = middle }
    }
    asked(&host, "GET", LIST, &padded(least)).ok();
    let answer = asked(&host, "GET", LIST, &padded(least + 3));
    answer.refused(401, "not_authenticated", "Could not validate credentials");
    let id = |length: usize| {
        let mut keys = jwt::key_set();
        keys["keys"][2]["kid"] = "k".repeat(length).into();
        write_keys(&bench, &keys);
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(length));
        jwt::token("ed25519", &header, &claims(json!({})))
    };
    let longest = id(256);
    host.wait_for(|host| asked(host, "GET", LIST, &longest).status == 200);
    let longer = id(257);
    host.wait_for(|host| asked(host, "GET", LIST, &longest).status == 401);
    assert_eq!(asked(&host, "GET", LIST, &longer).status, 401);
}

#[test]
fn scopes_and_roles_allow_what_those_of_tokens_do() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    // Reading, and what needs `plugins:admin`.
    let held = |other: Value| {
        let token = token(other.clone());
        let [read, changed] = [("GET", LIST), ("POST", "/api/v1/plugins/discover")].map(|(method, path)| {
            let answer = asked(&host, method, path, &token);
            if answer.status != 200 {
                assert_eq!(answer.status, 403, "{other}: {answer:?}");
                let asked_for = if method == "GET" { "plugins:read" } else { "plugins:admin" };
                answer.refused(403, "permission_missing", &format!("Permission denied: {asked_for}"));
            }
            answer.status == 200
        });
        (read, changed)
    };
    for (other, expected) in [
        (json!({ "scope": "plugins:read" }), (true, false)),
        (json!({ "scope": "plugins:admin" }), (false, true)),
        (json!({ "scope": "openid plugins:read plugins:admin" }), (true, true)),
        (json!({ "scope": "plugins:*" }), (true, true)),
        (json!({ "scope": "*" }), (true, true)),
        (json!({ "scope": null }), (false, false)),
        (json!({ "scope": "" }), (false, false)),
        (json!({ "scope": "plugins:Read" }), (false, false)),
        (json!({ "scope": ["plugins:read"] }), (false, false)),
        (json!({ "scope": vec!["plugins:read"; 101].join(" ") }), (false, false)),
        (json!({ "scope": vec!["plugins:read"; 100].join(" ") }), (true, false)),
        (json!({ "scope": null, "role": "admin" }), (true, true)),
        (json!({ "scope": null, "roles": ["viewer", "platform_admin"] }), (true, true)),
        (json!({ "scope": null, "roles": ["viewer", "soc_lead", "other"] }), (false, false)),
        (json!({ "scope": null, "role": "Admin" }), (false, false)),
        (json!({ "scope": null, "roles": ["admin", 7] }), (false, false)),
        // What was lent is no more than was said.
        (json!({ "scope": "plugins:read", "role": "admin" }), (true, false)),
        (json!({ "scope": "openid", "role": "admin" }), (false, false)),
    ] {
        assert_eq!(held(other.clone()), expected, "{other}");
    }
}

#[test]
fn events_and_the_journal_say_who_and_never_the_token() {
    let bench = bench_with_keys();
    let events = bench.path("events");
    let host = ServedHost::begin(command(&bench, &WORDS).env("AISOC_LOG_FILE", &events));
    host.wait_for(|host| host.get("/readyz").status == 200);
    let token = token(json!({ "scope": "*" }));
    asked(&host, "POST", "/api/v1/plugins/discover", &token).ok();
    let audit = asked(&host, "GET", "/api/v1/audit", &token).ok();
    assert!(audit.to_string().contains("jwt:ops@example.com"), "{audit}");
    let signature = token.rsplit('.').next().expect("a part");
    let written = fs::read_to_string(&events).unwrap_or_default();
    for text in [&audit.to_string(), &host.said(), &written] {
        assert!(!text.contains(signature), "{text}");
    }
}

#[test]
fn tokens_of_both_kinds_count_side_by_side_and_neither_for_the_other() {
    let bench = bench_with_keys();
    let made = bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]);
    let own = made.ok().stdout.trim().to_owned();
    let host = ServedHost::start(&bench, &[&WORDS[..], &["--tokens", "tokens.json"]].concat());
    asked(&host, "GET", LIST, &own).ok();
    asked(&host, "GET", LIST, &token(json!({}))).ok();
    host.get(LIST).refused(401, "not_authenticated", "Not authenticated");
    let unknown = format!("aisoc_{}", "0".repeat(48));
    asked(&host, "GET", LIST, &unknown).refused(401, "not_authenticated", "Invalid or revoked API key");
    drop(host);
    let host = ServedHost::start(&bench, &WORDS);
    asked(&host, "GET", LIST, &own).refused(401, "not_authenticated", "Invalid or revoked API key");
    drop(host);
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    let answer = asked(&host, "GET", LIST, &token(json!({})));
    answer.refused(401, "not_authenticated", "Could not validate credentials");
}

#[test]
fn keys_are_read_again_and_nobody_is_let_in_while_they_cannot_be() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    let token = token(json!({}));
    asked(&host, "GET", LIST, &token).ok();
    let status = |expected: u16| host.wait_for(|host| asked(host, "GET", LIST, &token).status == expected);
    let mut fewer = jwt::key_set();
    fewer["keys"].as_array_mut().expect("a list").pop();
    write_keys(&bench, &fewer);
    status(401);
    write_keys(&bench, &jwt::key_set());
    status(200);
    bench.write("jwks.json", "{");
    status(503);
    let said = asked(&host, "GET", LIST, &token);
    said.refused(503, "key_invalid", "the host cannot read the keys of its issuer");
    write_keys(&bench, &jwt::key_set());
    status(200);
    // Others may change it now.
    fs::set_permissions(bench.path("jwks.json"), Permissions::from_mode(0o666)).expect("set");
    status(503);
    fs::remove_file(bench.path("jwks.json")).expect("removed");
    status(503);
    assert_eq!(host.get("/healthz").status, 200);
}

#[test]
fn a_set_of_keys_that_is_none_keeps_a_host_from_beginning() {
    let bench = bench_with_keys();
    let refused = |reason: &str, code: i32, what: &str| {
        let run = Run::of(&mut command(&bench, &WORDS));
        run.refused(code, reason);
        assert!(run.stderr.contains(what), "{what}: {run:?}");
    };
    let key = |index: usize| jwt::key_set()["keys"][index].clone();
    let changed = |index: usize, name: &str, value: Value| {
        let mut key = key(index);
        key[name] = value;
        json!({ "keys": [key] })
    };
    for (keys, what) in [
        (json!([]), "no list `keys`"),
        (json!({ "keys": {} }), "no list `keys`"),
        (json!({ "keys": [] }), "no key with a `kid`"),
        (json!({ "keys": ["x"] }), "key 0 is no object"),
        (json!({ "keys": vec![json!({ "kty": "oct" }); 101] }), "more than 100 keys"),
        (json!({ "keys": [key(0), key(0)] }), "two keys are called `rsa`"),
        (json!({ "keys": [key(0), { "kty": "other", "kid": "rsa" }] }), "two keys are called `rsa`"),
        (changed(2, "kid", Value::Null), "no key with a `kid`"),
        (changed(2, "d", json!("AAAA")), "is a private key or a secret"),
        (json!({ "keys": [key(0), { "kty": "oct", "kid": "s", "k": "AAAA" }] }), "is a private key or a secret"),
        (changed(2, "x", json!("AAAA")), "`x` is no key of Ed25519"),
        (changed(1, "y", json!("AAAA")), "no point of P-256"),
        (changed(0, "e", json!("AQ")), "`e` is no exponent"),
        (changed(0, "e", json!("Ag")), "`e` is no exponent"),
        (changed(0, "e", json!("AQABAQABAQAB")), "`e` is no exponent"),
        (changed(0, "n", json!("AQAB")), "`n` has not 2048 to 8192 bits"),
        (changed(0, "e", json!("")), "`e` is no exponent"),
        (changed(0, "n", Value::Null), "no numbers"),
        (changed(2, "x", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), "with `x` everybody can sign"), // the identity
        (changed(2, "x", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), "with `x` everybody can sign"), // order 4
        (changed(2, "x", json!("7P_______________________________________38")), "with `x` everybody can sign"), // order 2
        (changed(2, "x", json!("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o")), "with `x` everybody can sign"), // order 8
        (changed(2, "x", json!("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU")), "with `x` everybody can sign"), // order 8, the other one
        (changed(2, "x", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA")), "with `x` everybody can sign"), // the identity, spelled otherwise
        (changed(2, "x", json!("7P________________________________________8")), "with `x` everybody can sign"), // order 2, spelled otherwise
        // What is for something else is passed over, and then there is none.
        (changed(0, "use", json!("enc")), "no key with a `kid`"),
        (changed(0, "alg", json!("RS512")), "no key with a `kid`"),
        (changed(2, "key_ops", json!(["sign"])), "no key with a `kid`"),
        (changed(1, "crv", json!("P-384")), "no key with a `kid`"),
    ] {
        write_keys(&bench, &keys);
        refused("key_invalid", 1, what);
    }
    for text in [r#"{"keys": [], "keys": []}"#, "", "\u{0}", "{\"keys\": []} x"] {
        bench.write("jwks.json", text);
        refused("key_invalid", 1, "no set of public keys");
    }
    // Beside keys that are passed over, one that is not is enough.
    write_keys(&bench, &json!({ "keys": [{ "kty": "EC", "crv": "P-521", "kid": "x" }, { "kty": "new" }, key(2)] }));
    let host = ServedHost::start(&bench, &WORDS);
    asked(&host, "GET", LIST, &token(json!({}))).ok();
    drop(host);
    fs::set_permissions(bench.path("jwks.json"), Permissions::from_mode(0o666)).expect("set");
    refused("directory_insecure", 1, "jwks.json");
    fs::remove_file(bench.path("jwks.json")).expect("removed");
    refused("io_not_found", 1, "there is no file of keys");
    for (words, what) in [
        (&["--jwks", "jwks.json"][..], "--jwt-issuer"),
        (&["--jwks", "jwks.json", "--jwt-issuer", "x"], "--jwt-audience"),
        (&["--jwt-issuer", "x"], "--jwks"),
        (&["--jwks", "jwks.json", "--jwt-issuer", "", "--jwt-audience", "x"], "the issuer of tokens"),
        (&["--jwks", "jwks.json", "--jwt-issuer", "x", "--jwt-audience", "a\nb"], "the audience of tokens"),
        (&["--jwks", "jwks.json", "--jwt-issuer", &"x".repeat(513), "--jwt-audience", "x"], "the issuer of tokens"),
    ] {
        let run = Run::of(&mut command(&bench, words));
        run.refused(2, "usage");
        assert!(run.stderr.contains(what), "{run:?}");
    }
}

#[test]
fn the_command_line_shows_such_a_token_as_well() {
    let bench = bench_with_keys();
    let host = ServedHost::start(&bench, &WORDS);
    let mut shown = bench.command(&["api", "list", "--url", &format!("http://{}", host.address)]);
    let run = Run::of(shown.env("AISOC_HOST_TOKEN", token(json!({}))));
    assert!(run.ok().stdout.contains("bare"), "{run:?}");
}

/// For which tenant a call is, an issuer says as a token of the host's own does; what names none is no token.
#[test]
fn the_claim_tenant_is_the_tenant_that_a_plugin_is_called_for() {
    if !has_python() {
        return;
    }
    let bench = bench_with_keys();
    put(&bench, "asks", &["tenant.read", "identity.read", "facts.write", "facts.read"], CODE, "release.key");
    let host = ServedHost::start(&bench, &WORDS);
    let token = |tenant: Value| token(json!({ "scope": "plugins:execute", "tenant": tenant }));
    let steps = json!([
        ["get_tenant_reader", "current"],
        ["get_identity_reader", "caller"],
        ["get_facts_writer", "put", { "name": "a", "value": 1 }],
        ["get_facts_reader", "list"],
    ]);
    for tenant in [json!("acme"), json!("globex"), json!(null)] {
        let came = said_as(&host, &token(tenant.clone()), "asks", steps.clone());
        assert_eq!(came[0]["value"], tenant, "{came:?}");
        assert_eq!(
            (&came[1]["value"]["name"], &came[1]["value"]["kind"]),
            (&json!("jwt:ops@example.com"), &json!("subject"))
        );
    }
    // What one tenant keeps another one does not find.
    let other = said_as(&host, &token(json!("third")), "asks", json!([["get_facts_reader", "list"]]));
    assert_eq!(other[0]["value"], json!([]));
    let run = "/api/v1/plugins/asks/run";
    for tenant in [json!(""), json!("Acme"), json!("a b"), json!(7), json!(["acme"]), json!({}), json!("a".repeat(65))]
    {
        let answer = asked(&host, "POST", run, &token(tenant.clone()));
        assert_eq!(answer.status, 401, "{tenant}: {answer:?}");
    }
}
