//! Trust rules: what a file of them says, which plugins each is about, and what counts as shown.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::proof::{ProofSigner, Proven};
use aisoc_signing::{Coverage, FileOutcome, Fingerprint, Origin, Outcome, SigningKey, verify};
use aisoc_testkit::sigstore::{Sigstore, key, other_key};
use aisoc_trust::{
    Answered, FoundSignature, KnownSigner, MAX_RULE_PROOFS, MAX_RULES, MAX_TRUST_CASES, MAX_TRUST_CASES_BYTES,
    MAX_TRUST_POLICY_BYTES, PluginMode, Policy, ProofDemand, Proofs, ProvedBy, RequiredShown, TrustCase, TrustMode,
    TrustRules, admit, examine, first_shown, judge_file, read_proof_key, read_trusted_root,
};
use common::{MANIFEST, Site, claim_with, facts, keyring, now, signature_files};
use tempfile::TempDir;

const ALL: &str = "schema_version = 1\n[[rules]]\nname = \"all\"\nplugins = [\"**\"]\n";
const IDENTITY: &str = "identity = \"ada@example.com\"\nissuer = \"https://issuer.test\"\n";

/// A directory with a trusted root, a key and a file of rules.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a directory"));
        bench.write("root.json", Sigstore::default().trusted_root().to_string());
        bench.write("cosign.pub", key().0.pem);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        path
    }

    fn rules(&self, text: &str) -> Result<TrustRules, Fault> {
        TrustRules::read(&self.write("trust.toml", text), &[])
    }

    fn cases(&self, text: &str) -> Result<Vec<TrustCase>, Fault> {
        TrustCase::read(&self.write("cases.toml", text))
    }
}

fn with_root(rules: &str) -> String {
    format!("schema_version = 1\ntrusted_root = \"root.json\"\n{rules}")
}

fn refused(outcome: Result<TrustRules, Fault>, what: &str) -> Fault {
    outcome.err().unwrap_or_else(|| panic!("{what} is taken"))
}

fn from(reference: &str) -> Origin {
    Origin::recorded(reference)
}

fn names<'a>(rules: &'a TrustRules, plugin: &str, origin: &Origin) -> Result<Vec<&'a str>, Reason> {
    let about = rules.about(Some(plugin), origin).map_err(|fault| fault.reason())?;
    Ok(about.into_iter().map(|rule| rule.name.as_str()).collect())
}

#[test]
fn every_rule_that_is_about_a_plugin_is_found_wherever_it_stands() {
    let bench = Bench::new();
    let rules = bench
        .rules(
            "schema_version = 1\n\
             [[rules]]\nname = \"acme\"\nplugins = [\"acme-*\"]\n\
             [[rules]]\nname = \"from acme\"\nrepositories = [\"ghcr.io/acme\"]\n\
             [[rules]]\nname = \"both\"\nplugins = [\"acme-x\"]\nrepositories = [\"ghcr.io/acme/x\"]\n",
        )
        .expect("rules");
    let nowhere = Origin::unknown();
    for (plugin, origin, expected) in [
        ("acme-x", &from("ghcr.io/acme/x:1"), Ok(vec!["acme", "from acme", "both"])),
        ("acme-y", &from("ghcr.io/acme/x:1"), Ok(vec!["acme", "from acme"])),
        ("acme-x", &from("ghcr.io/acme/y:1"), Ok(vec!["acme", "from acme"])),
        ("acme-x", &from("ghcr.io/acme-evil/x:1"), Ok(vec!["acme"])),
        ("acme-x", &nowhere, Ok(vec!["acme"])),
        ("other", &from("ghcr.io/acme/z:1"), Ok(vec!["from acme"])),
        ("other", &nowhere, Err(Reason::NoTrustRule)),
        ("acmex", &nowhere, Err(Reason::NoTrustRule)),
    ] {
        assert_eq!(names(&rules, plugin, origin), expected, "{plugin} {origin}");
    }
    // What says no id is none of those that a rule names.
    assert_eq!(rules.about(None, &nowhere).expect_err("nobody's").reason(), Reason::NoTrustRule);
    let refusal = rules.about(Some("other"), &nowhere).expect_err("none");
    assert!(refusal.message().contains("trust.toml") && refusal.message().contains("`other`"), "{refusal}");
    assert!(refusal.difference().expect("both").found.contains("no registry that is known"), "{refusal:?}");
    assert_eq!(refusal.class().exit_code(), 3);
}

#[test]
fn proofs_are_looked_for_only_where_a_rule_may_ask_for_them_and_only_so_large() {
    let bench = Bench::new();
    let rules = bench
        .rules(&with_root(&format!(
            "[[rules]]\nname = \"a\"\nplugins = [\"**\"]\n\
             [[rules]]\nname = \"b\"\nrepositories = [\"ghcr.io/acme\"]\n[[rules.proofs]]\nkind = \"sigstore\"\n{IDENTITY}\
             [[rules]]\nname = \"c\"\nrepositories = [\"ghcr.io/other\"]\n[[rules.proofs]]\nkind = \"sbom\"\n"
        )))
        .expect("rules");
    let largest_proof_of = |origin: &Origin| rules.proofs_of(origin).map(ProofDemand::max_bytes).max();
    assert_eq!(largest_proof_of(&from("ghcr.io/acme/x:1")), Some(1 << 20));
    assert_eq!(largest_proof_of(&from("ghcr.io/other/x:1")), Some(25 << 20));
    assert_eq!(largest_proof_of(&from("quay.io/acme/x:1")), None);
    assert_eq!(largest_proof_of(&Origin::unknown()), None);
}

#[test]
fn a_proof_is_by_an_identity_a_key_or_the_trusted_keys() {
    let bench = Bench::new();
    let demand = |kind: &str, by: &str| {
        let text = with_root(&format!(
            "[[rules]]\nname = \"a\"\nplugins = [\"**\"]\n[[rules.proofs]]\nkind = \"{kind}\"\n{by}"
        ));
        bench.rules(&text).map(|rules| rules.rules[0].proofs[0].to_string())
    };
    let shown = |kind, by| demand(kind, by).expect("a demand");
    assert_eq!(shown("sigstore", IDENTITY), "sigstore by `ada@example.com` by `https://issuer.test`");
    let patterns = "identity_pattern = \"^ada@.*$\"\nissuer_pattern = \"^https://i$\"\n";
    assert_eq!(shown("sbom", patterns), "sbom by what `^ada@.*$` matches by what `^https://i$` matches");
    assert_eq!(shown("sbom", ""), "sbom by a trusted key");
    let built = shown("provenance", "builder_pattern = \"^https://b/.*$\"\n");
    assert_eq!(built, "provenance by a trusted key, built by what `^https://b/.*$` matches");
    let logged = shown("sigstore", "key = \"cosign.pub\"\n");
    assert!(logged.starts_with("sigstore by the key SHA256:"), "{logged}");
    let unlogged = shown("sigstore", "key = \"cosign.pub\"\nunlogged = true\n");
    assert_eq!(unlogged, format!("{logged}, whatever a log holds"));
    assert_eq!(shown("sigstore", "key = \"cosign.pub\"\nunlogged = false\n"), logged);
    for (kind, by) in [
        ("sigstore", ""),
        ("notary", IDENTITY),
        ("", IDENTITY),
        ("sbom", "identity = \"a\"\n"),
        ("sbom", "issuer = \"a\"\n"),
        ("sbom", "unlogged = false\n"),
        ("sigstore", "unlogged = true\n"),
        ("sbom", "builder = \"b\"\n"),
        ("sigstore", "key = \"cosign.pub\"\nidentity = \"a\"\nissuer = \"b\"\n"),
        ("sbom", "identity = \"\"\nissuer = \"b\"\n"),
        ("sbom", "identity_pattern = \"a\"\nissuer = \"b\"\n"),
        ("provenance", "builder = \"a\"\nbuilder_pattern = \"^a$\"\n"),
        ("provenance", "builder_pattern = \"^((a{1000}){1000}){9}$\"\n"),
        ("sbom", "more = 1\n"),
    ] {
        let refusal = demand(kind, by).expect_err(by);
        assert_eq!(refusal.reason(), Reason::TrustPolicyInvalid, "{kind} {by}");
        assert_eq!(refusal.class().exit_code(), 1);
        assert!(refusal.location().is_some(), "{kind} {by}");
    }
    // Without a trusted root nothing is judged by one.
    for by in [IDENTITY, "key = \"cosign.pub\"\n"] {
        let rules = bench.rules(&format!("{ALL}[[rules.proofs]]\nkind = \"sigstore\"\n{by}"));
        assert!(refused(rules, by).message().contains("`trusted_root` is missing"), "{by}");
    }
    bench
        .rules(&format!("{ALL}[[rules.proofs]]\nkind = \"sigstore\"\nkey = \"cosign.pub\"\nunlogged = true\n"))
        .expect("a key");
}

#[test]
fn a_file_of_rules_is_what_it_is_or_refused_with_its_line() {
    let bench = Bench::new();
    bench.rules(ALL).expect("rules");
    for (text, line) in [
        (String::new(), 1),
        (ALL.replace("= 1", "= 2"), 1),
        (ALL.replace("= 1", "= \"1\""), 1),
        (ALL.replace("name", "nam"), 3),
        (ALL.replace("[\"**\"]", "\"**\""), 4),
        (ALL.replace("[\"**\"]", "[\"*\", \"a/b\"]"), 2),
        (format!("{ALL}repositories = [\"GHCR.io/Acme:1\"]\n"), 2),
        (format!("{ALL}plugins = [\"a\"]\n"), 5),
        (format!("{ALL}[rules.keys]\nof = [\"a\"]\n"), 5),
        (format!("{ALL}[rules.keys]\nat_least = 1\nnone_of = [\"a\"]\n"), 7),
        (format!("{ALL}[rules.keys]\nat_least = 1\nof = []\n"), 2),
        (format!("{ALL}default = \"allow\"\n"), 5),
        ("schema_version = 1\nrules = [".to_owned() + &"[".repeat(10_000), 2),
    ] {
        let refusal = refused(bench.rules(&text), &text);
        assert_eq!(refusal.reason(), Reason::TrustPolicyInvalid, "{text}");
        assert_eq!(refusal.location().expect("a line").line, line, "{text}\n{refusal:?}");
    }
    let not_text = bench.write("trust.toml", [ALL.as_bytes(), b"# \xff\n"].concat());
    assert_eq!(refused(TrustRules::read(&not_text, &[]), "bytes").reason(), Reason::TrustPolicyInvalid);
}

#[test]
fn the_limits_of_a_file_are_what_they_are() {
    let bench = Bench::new();
    let rule = |number: usize| format!("[[rules]]\nname = \"r{number}\"\nplugins = [\"a\"]\n");
    let of_rules = |count| "schema_version = 1\n".to_owned() + &(0..count).map(rule).collect::<String>();
    let of_proofs = |count| ALL.to_owned() + &"[[rules.proofs]]\nkind = \"sbom\"\n".repeat(count);
    let case = "[[cases]]\nplugin = \"of-a\"\nexpect = \"admitted\"\n";
    for below in [MAX_RULES - 1, MAX_RULES] {
        bench.rules(&of_rules(below)).expect("as many as there may be");
    }
    let refusal = refused(bench.rules(&of_rules(MAX_RULES + 1)), "one more");
    assert_eq!(refusal.difference().expect("both").found, "257");
    for below in [MAX_RULE_PROOFS - 1, MAX_RULE_PROOFS] {
        bench.rules(&of_proofs(below)).expect("as many as there may be");
    }
    assert!(refused(bench.rules(&of_proofs(MAX_RULE_PROOFS + 1)), "one more").message().contains("17 proofs"));
    let padded = |text: &str, bytes: u64| {
        format!("{text}#{}", "x".repeat(usize::try_from(bytes).expect("small") - text.len() - 1))
    };
    for below in [MAX_TRUST_POLICY_BYTES - 1, MAX_TRUST_POLICY_BYTES] {
        bench.rules(&padded(ALL, below)).expect("as large as it may be");
    }
    let refusal = refused(bench.rules(&padded(ALL, MAX_TRUST_POLICY_BYTES + 1)), "a byte more");
    assert!(refusal.difference().expect("both").expected.contains("262144 bytes"), "{refusal:?}");
    for below in [MAX_TRUST_CASES - 1, MAX_TRUST_CASES] {
        assert_eq!(bench.cases(&case.repeat(below)).expect("as many as there may be").len(), below);
    }
    assert_eq!(
        bench.cases(&case.repeat(MAX_TRUST_CASES + 1)).expect_err("one more").reason(),
        Reason::TrustCasesInvalid
    );
    for below in [MAX_TRUST_CASES_BYTES - 1, MAX_TRUST_CASES_BYTES] {
        bench.cases(&padded(case, below)).expect("as large as it may be");
    }
    assert!(bench.cases(&padded(case, MAX_TRUST_CASES_BYTES + 1)).is_err());
}

#[test]
fn whoever_else_can_change_what_decides_is_refused() {
    let bench = Bench::new();
    let text = with_root(
        "[[rules]]\nname = \"a\"\nplugins = [\"**\"]\n[[rules.proofs]]\nkind = \"sigstore\"\nkey = \"cosign.pub\"\n",
    );
    bench.rules(&text).expect("rules");
    let open = |name: &str, mode| fs::set_permissions(bench.path(name), fs::Permissions::from_mode(mode)).expect("set");
    for name in ["trust.toml", "root.json", "cosign.pub"] {
        open(name, 0o666);
        let refusal = refused(TrustRules::read(&bench.path("trust.toml"), &[]), name);
        assert_eq!(refusal.reason(), Reason::DirectoryInsecure, "{name}: {refusal:?}");
        open(name, 0o644);
    }
    // And whoever can put another file in its place.
    open(".", 0o777);
    assert_eq!(
        refused(TrustRules::read(&bench.path("trust.toml"), &[]), "a directory").reason(),
        Reason::DirectoryInsecure
    );
    open(".", 0o755);
    TrustRules::read(&bench.path("trust.toml"), &[]).expect("rules");
    symlink(bench.path("trust.toml"), bench.path("link.toml")).expect("linked");
    TrustRules::read(&bench.path("link.toml"), &[]).expect("where the link leads is judged");
    for (path, reason) in [
        (bench.path("gone.toml"), Reason::IoNotFound),
        (bench.path("gone/trust.toml"), Reason::IoNotFound),
        (bench.0.path().to_owned(), Reason::TrustPolicyInvalid),
    ] {
        assert_eq!(refused(TrustRules::read(&path, &[]), "nothing").reason(), reason, "{path:?}");
    }
}

#[test]
fn a_trusted_root_and_a_key_are_read_as_what_they_are() {
    let bench = Bench::new();
    read_trusted_root(&bench.path("root.json"), &[]).expect("a root");
    let read = read_proof_key(&bench.path("cosign.pub"), &[]).expect("a key");
    let other = bench.write("other.pub", other_key().pem);
    assert_ne!(read.fingerprint(), read_proof_key(&other, &[]).expect("a key").fingerprint());
    let root = |path: &Path| read_trusted_root(path, &[]).expect_err("no root").reason();
    let key = |path: &Path| read_proof_key(path, &[]).expect_err("no key").reason();
    let none = bench.write("none", "{}");
    assert_eq!((root(&none), key(&none)), (Reason::TrustedRootInvalid, Reason::ProofKeyInvalid));
    assert_eq!((root(bench.0.path()), key(bench.0.path())), (Reason::TrustedRootInvalid, Reason::ProofKeyInvalid));
    let gone = bench.path("gone");
    assert_eq!((root(&gone), key(&gone)), (Reason::IoNotFound, Reason::IoNotFound));
    let large = bench.write("large", " ".repeat((1 << 20) + 1));
    assert_eq!((root(&large), key(&large)), (Reason::TrustedRootInvalid, Reason::ProofKeyInvalid));
}

fn proven(signer: ProofSigner, builder: Option<&str>) -> Proven {
    Proven { signer, predicate_type: None, builder: builder.map(str::to_owned), signed_at: Vec::new() }
}

#[test]
fn a_proof_counts_for_whom_it_is_demanded_of() {
    let bench = Bench::new();
    let text = with_root(&format!(
        "[[rules]]\nname = \"a\"\nplugins = [\"**\"]\n\
         [[rules.proofs]]\nkind = \"sigstore\"\n{IDENTITY}\
         [[rules.proofs]]\nkind = \"sigstore\"\nkey = \"cosign.pub\"\n\
         [[rules.proofs]]\nkind = \"sbom\"\n"
    ));
    let rules = bench.rules(&text).expect("rules");
    let [by_identity, by_key, by_trusted] = &rules.rules[0].proofs[..] else { panic!("three") };
    let ProvedBy::Key { key, .. } = &*by_key.by else { panic!("a key") };
    let person = |name: &str, issuer: &str| ProofSigner::Identity { name: name.to_owned(), issuer: issuer.to_owned() };
    let ada = || person("ada@example.com", "https://issuer.test");
    let with_key = || ProofSigner::Key(key.fingerprint());
    let another = || ProofSigner::Key("SHA256:00".to_owned());
    for (demand, signer, counts) in [
        (by_identity, ada(), true),
        (by_identity, person("eve@example.com", "https://issuer.test"), false),
        (by_identity, person("ada@example.com", "https://other.test"), false),
        (by_identity, with_key(), false),
        (by_key, with_key(), true),
        (by_key, another(), false),
        (by_key, ada(), false),
        (by_trusted, another(), true),
        (by_trusted, ada(), false),
    ] {
        let shown = format!("{demand} {signer}");
        match demand.require(&proven(signer, None)) {
            Ok(()) => assert!(counts, "{shown}"),
            Err(fault) => assert!(!counts && fault.reason() == Reason::ProofIdentityRefused, "{shown}"),
        }
    }
}

#[test]
fn the_first_that_shows_it_is_enough_and_the_first_refusal_is_said() {
    let refusal = |reason| Some(Err(Fault::new(reason, "x")));
    let first = |candidates: Vec<Option<Result<u8, Fault>>>| {
        first_shown(candidates).map_err(|fault| fault.map(|fault| fault.reason()))
    };
    assert_eq!(first(vec![None, refusal(Reason::ProofMalformed), Some(Ok(1)), Some(Ok(2))]), Ok(1));
    assert_eq!(
        first(vec![refusal(Reason::ProofMalformed), refusal(Reason::ProofLogRefused), None]),
        Err(Some(Reason::ProofMalformed))
    );
    assert_eq!(first(vec![None, None]), Err(None));
    assert_eq!(first(Vec::new()), Err(None));
}

fn signer(name: &str, byte: &str) -> KnownSigner {
    let fingerprint: Fingerprint = format!("SHA256:{}", byte.repeat(32)).parse().expect("a fingerprint");
    KnownSigner { key_id: name.to_owned(), fingerprint }
}

#[test]
fn keys_are_counted_by_name_or_by_content_and_each_once() {
    let bench = Bench::new();
    let release = signer("release", "01");
    let keys = |of: &str, at_least: u8| {
        let rules = bench.rules(&format!("{ALL}keys = {{ at_least = {at_least}{of} }}\n")).expect("rules");
        rules.rules.into_iter().next().and_then(|rule| rule.keys).expect("keys")
    };
    let both = keys(", of = [\"release\", \"security\"]", 2);
    assert_eq!(both.to_string(), "2 of release, security");
    let signers = [release.clone(), signer("security", "02"), signer("other", "03")];
    assert_eq!(both.require(&signers).expect("both"), ["release", "security"]);
    let refusal = both.require(&signers[..1]).expect_err("one");
    assert_eq!(refusal.reason(), Reason::SignersTooFew);
    assert_eq!(refusal.difference().expect("both").found, "release");
    assert_eq!(both.require(&signers[2..]).expect_err("another").difference().expect("both").found, "none of them");
    let any = keys("", 3);
    assert_eq!(any.to_string(), "3 of the trusted keys");
    assert_eq!(any.require(&signers).expect("three").len(), 3);
    assert!(any.require(&signers[1..]).is_err());
    let by_content = keys(&format!(", of = [\"{}\"]", release.fingerprint), 1);
    by_content.require(std::slice::from_ref(&release)).expect("that one");
    assert!(by_content.require(&signers[1..]).is_err());
    let twice = [release.clone(), KnownSigner { key_id: "again".to_owned(), ..release }];
    assert!(keys("", 2).require(&twice).is_err(), "one key under two names is one");
    keys(", of = [\"again\"]", 1).require(&twice).expect("by either name");
}

#[test]
fn cases_are_read_and_answered_as_the_gate_would() {
    let bench = Bench::new();
    let rules = bench
        .rules(&with_root(&format!(
            "[[rules]]\nname = \"a\"\nplugins = [\"of-a\"]\nkeys = {{ at_least = 1, of = [\"release\"] }}\n\
             [[rules.proofs]]\nkind = \"provenance\"\n{IDENTITY}builder = \"https://b\"\n\
             [[rules]]\nname = \"b\"\nplugins = [\"of-b\"]\n[[rules.proofs]]\nkind = \"sigstore\"\nkey = \"cosign.pub\"\n\
             [[rules]]\nname = \"c\"\nplugins = [\"of-c\"]\n[[rules.proofs]]\nkind = \"sbom\"\n"
        )))
        .expect("rules");
    let fingerprint = read_proof_key(&bench.path("cosign.pub"), &[]).expect("a key").fingerprint();
    let ada = "identity = \"ada@example.com\", issuer = \"https://issuer.test\"";
    let signed = "signed_by = [\"release\"]\n";
    for (case, expected) in [
        (
            format!(
                "plugin = \"of-a\"\n{signed}proofs = [{{ kind = \"provenance\", {ada}, builder = \"https://b\" }}]"
            ),
            Ok(vec!["a"]),
        ),
        (
            format!("plugin = \"of-a\"\nproofs = [{{ kind = \"provenance\", {ada}, builder = \"https://b\" }}]"),
            Err(Reason::SignersTooFew),
        ),
        (
            format!("plugin = \"of-a\"\n{signed}proofs = [{{ kind = \"provenance\", {ada} }}]"),
            Err(Reason::ProofBuilderRefused),
        ),
        (format!("plugin = \"of-a\"\n{signed}proofs = [{{ kind = \"sbom\", {ada} }}]"), Err(Reason::ProofMissing)),
        (format!("plugin = \"of-a\"\n{signed}"), Err(Reason::ProofMissing)),
        (format!("plugin = \"of-b\"\nproofs = [{{ kind = \"sbom\", key = \"{fingerprint}\" }}]"), Ok(vec!["b"])),
        (
            format!("plugin = \"of-b\"\nproofs = [{{ kind = \"sbom\", key = \"{fingerprint}\", unlogged = true }}]"),
            Err(Reason::ProofLogRefused),
        ),
        (format!("plugin = \"of-b\"\nproofs = [{{ kind = \"sbom\", {ada} }}]"), Err(Reason::ProofIdentityRefused)),
        ("plugin = \"of-c\"\nproofs = [{ kind = \"sbom\", trusted_key = \"release\" }]".to_owned(), Ok(vec!["c"])),
        (
            "plugin = \"of-c\"\nproofs = [{ kind = \"sbom\", key = \"release\" }]".to_owned(),
            Err(Reason::ProofIdentityRefused),
        ),
        ("plugin = \"of-d\"".to_owned(), Err(Reason::NoTrustRule)),
    ] {
        let expect = expected.as_ref().map_or_else(|reason| reason.as_str(), |_| "admitted");
        let cases = bench.cases(&format!("# one line\n[[cases]]\n{case}\nexpect = \"{expect}\"\n")).expect("a case");
        let outcome = rules.suppose(&cases[0]);
        assert_eq!(cases[0].line, 2);
        assert!(cases[0].expects(&outcome), "{case}: {outcome:?}");
        assert_eq!(outcome.map_err(|fault| fault.reason()), expected, "{case}");
        let otherwise = if expect == "admitted" { "refused" } else { "admitted" };
        let cases = bench.cases(&format!("[[cases]]\n{case}\nexpect = \"{otherwise}\"\n")).expect("a case");
        assert!(!cases[0].expects(&rules.suppose(&cases[0])), "{case}");
    }
    let refused = bench.cases("[[cases]]\nplugin = \"of-d\"\nexpect = \"refused\"\n").expect("a case");
    assert!(refused[0].expects(&rules.suppose(&refused[0])), "whatever for");
    for wrong in [
        "expect = \"key_expired\"",
        "expect = \"\"",
        "expect = \"admitted\"\nfrom = \"oci:/tmp/x\"",
        "expect = \"admitted\"\nproofs = [{ kind = \"sbom\", identity = \"a\" }]",
    ] {
        let refusal = bench.cases(&format!("[[cases]]\nplugin = \"of-a\"\n{wrong}\n")).expect_err(wrong);
        assert_eq!(refusal.reason(), Reason::TrustCasesInvalid, "{wrong}");
    }
    let of =
        |plugin: &str| bench.cases(&format!("# one line\n[[cases]]\nplugin = \"{plugin}\"\nexpect = \"refused\"\n"));
    for none in ["", "a", "acme-*", "../../etc", "other/x", "tool/..", " of-a", "of\\u001b[2Ja", &"a".repeat(65)] {
        let refusal = of(none).expect_err(none);
        assert_eq!(refusal.reason(), Reason::TrustCasesInvalid, "{none}");
        assert!(refusal.to_string().contains("cases.toml:2:") && !refusal.to_string().contains('\u{1b}'), "{refusal}");
    }
    for sound in ["of-a", "tool/a_plugin", &"a".repeat(64)] {
        of(sound).expect(sound);
    }
    assert_eq!(TrustCase::read(&bench.path("gone.toml")).expect_err("none").reason(), Reason::IoNotFound);
}

#[test]
fn what_was_required_and_not_shown_refuses_in_every_mode_and_stands_in_the_trace() {
    let key = SigningKey::generate().expect("randomness");
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&key]), &[]);
    let (_keys, ring) = keyring(&[("release", &key)]);
    let shown = |name, outcome| RequiredShown { name, outcome };
    for (mode, signs) in
        [(TrustMode::Strict, true), (TrustMode::Warn, true), (TrustMode::Warn, false), (TrustMode::Disabled, false)]
    {
        let examined = examine(&Policy::of(mode), &claim, |claim, _| match signs {
            true => verify(claim, &ring, now()),
            false => Ok(Outcome::Unsigned),
        });
        assert_eq!(examined.signers().len(), usize::from(signs), "{mode:?}");
        let missing = Fault::new(Reason::ProofMissing, "no proof");
        let proofs = Proofs(vec![shown("trust rule", Ok("all".to_owned())), shown("proof: sbom", Err(missing))]);
        let examined = examined.with_proofs(&proofs);
        assert_eq!(examined.refusal().map(Fault::reason), Some(Reason::ProofMissing), "{mode:?}");
        let decision = admit(examined, &Site(facts(Ok(Coverage::None))));
        assert_eq!(decision.outcome.expect_err("refused").reason(), Reason::ProofMissing, "{mode:?}");
        let answered =
            |name: &str| decision.trace.steps().iter().find(|step| step.name == name).map(|step| step.answered);
        assert_eq!(answered("trust rule"), Some(Answered::Passed));
        assert_eq!(answered("proof: sbom"), Some(Answered::Failed));
    }
}

#[test]
fn a_single_file_has_one_signature_and_no_proof() {
    let bench = Bench::new();
    let allowed = |rules: &str, signers: &[KnownSigner]| {
        let rules = bench.rules(rules).expect("rules");
        rules.allow_file("tool/a_plugin", signers).map_err(|fault| fault.reason())
    };
    let ops = [signer("ops", "01")];
    assert_eq!(allowed(ALL, &ops), Ok(()));
    assert_eq!(allowed(ALL, &[]), Ok(()), "who has to have signed it is for others to say");
    assert_eq!(allowed(&ALL.replace("**", "acme-*"), &ops), Err(Reason::NoTrustRule));
    let from = ALL.replace("plugins = [\"**\"]", "repositories = [\"ghcr.io\"]");
    assert_eq!(allowed(&from, &ops), Err(Reason::NoTrustRule), "it comes from nowhere that is known");
    for (keys, expected) in [
        ("at_least = 1", Ok(())),
        ("at_least = 1, of = [\"ops\"]", Ok(())),
        ("at_least = 1, of = [\"other\"]", Err(Reason::SignersTooFew)),
        ("at_least = 2", Err(Reason::SignersTooFew)),
    ] {
        assert_eq!(allowed(&format!("{ALL}keys = {{ {keys} }}\n"), &ops), expected, "{keys}");
    }
    assert_eq!(allowed(&format!("{ALL}keys = {{ at_least = 1 }}\n"), &[]), Err(Reason::SignersTooFew));
    let proof = format!("{ALL}[[rules.proofs]]\nkind = \"sbom\"\n");
    assert_eq!(allowed(&proof, &ops), Err(Reason::ProofMissing));
    let rules = bench.rules(&proof).expect("rules");
    let refusal = rules.allow_file("a", &ops).expect_err("no proof");
    assert!(refusal.message().starts_with("by the trust rule `all`: "), "{refusal}");
    assert!(!refusal.next_step().contains("--trust-policy"), "{refusal:?}");
}

#[test]
fn what_a_file_was_refused_for_before_is_said_first() {
    let place = Path::new("tools/a_plugin.py");
    let judged = |mode| judge_file(&Policy::of(TrustMode::Warn), mode, place, || FileOutcome::Unsigned);
    let fault = || Fault::new(Reason::NoTrustRule, "no rule");
    let passed = judged(PluginMode::Production);
    assert!(matches!(passed.said, FoundSignature::Passes(_)), "{passed:?}");
    let refused = passed.and_refused(fault());
    assert_eq!(refused.objection.as_ref().map(Fault::reason), Some(Reason::NoTrustRule));
    let FoundSignature::Refused(first) = refused.clone().said else { panic!("{refused:?}") };
    assert_eq!(first.reason(), Reason::NoTrustRule);
    let again = refused.and_refused(Fault::new(Reason::ProofMissing, "no proof"));
    assert_eq!(again.objection.map(|fault| fault.reason()), Some(Reason::NoTrustRule));
}
