//! What a policy file has to look like, and what it has to mean: each fault, and where it is said to be.

use aisoc_dispatch::{MAX_POLICY_BYTES, PolicyFile, read_policy};
use aisoc_platform::{Identity, Risk, Rule};

/// `line:column what` of every fault.
fn faults(text: &str) -> Vec<String> {
    let faults = read_policy(text.as_bytes()).expect_err(text);
    faults.iter().map(|fault| format!("{}:{} {}", fault.position.line, fault.position.column, fault.message)).collect()
}

#[test]
fn a_whole_policy_is_read() {
    let text = "# what agents may do\nname: agents\ndescription: \"reads, and nothing else\"\nallow:\n  - plugin/**\n  - 'keys/*'\n\
        deny: [\"**/sign\"]\nmax_risk: read\nidentities: [user, bot]\nallow_unannotated: true\n";
    let rule = Rule {
        name: "agents".into(),
        description: "reads, and nothing else".into(),
        allow: vec!["plugin/**".into(), "keys/*".into()],
        deny: vec!["**/sign".into()],
        max_risk: Some(Risk::Read),
        identities: vec![Identity::User, Identity::Bot],
        allow_unannotated: true,
    };
    assert_eq!(read_policy(text.as_bytes()), Ok(rule));
    assert_eq!(read_policy(b"max_risk: ''\n"), Ok(Rule::default()));
}

#[test]
fn what_it_looks_like_is_judged_first_and_all_at_once() {
    let text = "nmae: x\nallow: plugin/**\nmax_risk: 3\nidentities:\n  - user\n  - no\nallow_unannotated: \"yes\"\ndeny: ['[']\n";
    assert_eq!(
        faults(text),
        [
            "1:1 unknown key `nmae`: the keys are name, description, allow, deny, max_risk, identities, allow_unannotated",
            "2:8 `allow` has to be a list of texts, and here is text",
            "3:11 `max_risk` has to be a text, and here is an integer",
            "6:5 `identities` has to be a list of texts, and here is a boolean",
            "7:20 `allow_unannotated` has to be true or false, and here is text",
        ]
    );
}

#[test]
fn then_what_it_means_and_all_of_that_at_once() {
    let text = "name: x\nallow:\n  - plugin/**\n  - 'plugin/[a'\n  - ''\ndeny:\n  - '{a'\nmax_risk: nuclear\nidentities: [user, root]\n";
    assert_eq!(
        faults(text),
        [
            "8:11 invalid max_risk \"nuclear\": must be one of read|write|high-risk-write",
            "9:20 invalid identities entry \"root\": must be 'user' or 'bot'",
            "4:5 invalid allow glob \"plugin/[a\": syntax error in pattern",
            "5:5 invalid allow glob \"\": empty pattern",
            "7:5 invalid deny glob \"{a\": syntax error in pattern",
        ]
    );
}

#[test]
fn what_is_no_policy_is_none() {
    for (text, said) in [
        ("", "1:1 there is nothing in the file"),
        ("# nothing\n", "1:1 there is nothing in the file"),
        ("- a\n", "1:1 the file has to be a mapping of keys to values"),
        ("name: a\n---\nname: b\n", "2:1 a second document begins here; a policy is one document"),
        ("name: a\nname: b\n", "2:1 the key is written twice"),
        ("name: &a b\n", "1:7 an anchor stands before a value"),
        (
            "1: a\n",
            "1:1 a key has to be a text: name, description, allow, deny, max_risk, identities, allow_unannotated",
        ),
    ] {
        assert_eq!(faults(text), [said], "{text:?}");
    }
    assert!(read_policy(b"name: \xff\n").is_err());
    assert!(read_policy(b"name: [\n").is_err());
}

#[test]
fn a_policy_is_bounded() {
    let of = |bytes: usize| {
        let comment = format!("name: x\n#{}\n", "x".repeat(bytes - 10));
        assert_eq!(comment.len(), bytes);
        read_policy(comment.as_bytes())
    };
    assert!(of(MAX_POLICY_BYTES).is_ok());
    let faults = of(MAX_POLICY_BYTES + 1).expect_err("too long");
    assert_eq!(faults[0].message, "the policy has 1048577 bytes, more than 1048576");
}

#[test]
fn a_long_message_is_cut() {
    let said = &faults(&format!("deny: ['{}']\n", "x".repeat(5_000)))[0];
    assert!(said.starts_with("1:8 invalid deny glob \"xxx") && said.ends_with('…') && said.len() < 420, "{said}");
}

#[test]
fn of_many_faults_a_sentence_has_some() {
    let of = |faults: usize| {
        let text: String = (0..faults).map(|key| format!("k{key}: x\n")).collect();
        let PolicyFile::Unusable(why) = PolicyFile::of_bytes(text.as_bytes()) else { panic!("{faults}") };
        (why.matches("unknown key").count(), why.rsplit("; ").next().unwrap_or_default().to_owned())
    };
    assert_eq!(of(7).0, 7);
    assert!(of(8).0 == 8 && of(8).1.contains("`k7`"), "{:?}", of(8));
    assert_eq!(of(9), (8, "and 1 more".to_owned()));
}

#[test]
fn a_long_key_is_cut() {
    let text = format!("{}: x\n", "k".repeat(500));
    let said = &faults(&text)[0];
    assert!(said.contains(&format!("`{}…`", "k".repeat(80))), "{said}");
}

#[test]
fn a_key_without_a_value_says_nothing() {
    let text =
        "name:\ndescription: ~\ndeny:\n  # - plugin/*\nallow: null\nidentities:\nallow_unannotated:\nmax_risk: read\n";
    let rule = read_policy(text.as_bytes()).expect("a rule");
    assert_eq!(rule, Rule { max_risk: Some(Risk::Read), ..Rule::default() });
    assert_eq!(faults("deyn:\n").len(), 1);
}

/// As long as one may be, and all of it wrong: found in a moment, however fast the machine is.
#[test]
fn what_is_wrong_everywhere_is_found_in_one_pass() {
    let text = format!("deny:\n{}", "- '['\n".repeat(100_000));
    let begun = std::time::Instant::now();
    assert_eq!(faults(&text).len(), 100_000);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
