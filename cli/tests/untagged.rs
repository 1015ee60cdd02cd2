//! A reference without a tag or a digest is refused by every command that reads one, with the tags that there are.

mod support;

use support::Bench;

const COMMANDS: [&[&str]; 5] = [
    &["plugin", "install", "REF", "--trusted-keys", "keys", "--plugins-dir", "my plugins"],
    &["plugin", "verify", "REF", "--trusted-keys", "keys"],
    &["plugin", "inspect", "REF"],
    &["plugin", "pull", "REF", "--out", "out"],
    &["plugin", "push", "REF", "localhost:1/copy/demo:1.0.0"],
];

fn words<'a>(command: &[&'a str], reference: &'a str) -> Vec<&'a str> {
    command.iter().map(|word| if *word == "REF" { reference } else { word }).collect()
}

#[test]
fn the_tags_are_listed_and_the_hint_is_the_line_with_the_newest() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let repository = format!("{}/team/demo", registry.address);
    for tag in ["1.9.0", "1.10.0", "2.0.0-rc.1", "latest"] {
        bench.run(&["plugin", "push", "demo.tar", &format!("{repository}:{tag}")]).ok();
    }
    for command in COMMANDS {
        for reference in [&repository, &format!("oci://{repository}")] {
            if command[1] == "pull" && reference.starts_with("oci:") {
                continue;
            }
            let run = bench.run(&words(command, reference));
            let line = run.refused(2, "invalid_ref").error_line();
            assert!(line.contains(&format!("`{repository}` names neither a tag nor a digest")), "{run:?}");
            assert!(run.stderr.contains("one of the tags 2.0.0-rc.1, 1.10.0, 1.9.0, latest"), "{run:?}");
            // As it was typed, but for the tag: what needs quotes has them.
            let typed = words(command, reference).join(" ").replace("my plugins", "'my plugins'");
            let hint =
                format!("hint: `aisoc {}`", typed.replacen(reference.as_str(), &format!("{reference}:1.10.0"), 1));
            assert!(run.stderr.contains(&hint), "{hint}: {run:?}");
        }
    }
    assert!(!bench.path("my plugins").exists() && !bench.path("out").exists());
    let tag = format!("{repository}:1.10.0");
    bench.run(&words(COMMANDS[0], &tag)).ok();
}

#[test]
fn of_many_tags_a_few_are_named() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let repository = format!("{}/team/demo", registry.address);
    for patch in 0..12 {
        bench.run(&["plugin", "push", "demo.tar", &format!("{repository}:1.0.{patch}")]).ok();
    }
    let run = bench.run(&["plugin", "inspect", &repository]);
    run.refused(2, "invalid_ref");
    assert!(run.stderr.contains("1.0.11, 1.0.10, ") && run.stderr.contains("1.0.2, … and 2 more"), "{run:?}");
}

#[test]
fn what_cannot_be_listed_is_the_same_refusal() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let unknown = format!("{}/team/nobody", registry.address);
    for (repository, code) in
        [(unknown.as_str(), "reference_not_found"), ("127.0.0.1:1/team/demo", "registry_unavailable")]
    {
        let run = bench.run(&["plugin", "inspect", repository]);
        run.refused(2, "invalid_ref");
        assert!(run.stderr.contains(&format!("the tags could not be listed: {code}: ")), "{run:?}");
        assert!(run.stderr.contains(&format!("add the tag: `{repository}:TAG`")), "{run:?}");
    }
}

#[test]
fn a_required_digest_names_what_no_tag_does() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let repository = format!("{}/team/demo", registry.address);
    let pushed = bench.run(&["plugin", "push", "demo.tar", &format!("{repository}:1.0.0")]);
    let digest = pushed.ok().stdout.trim().split_once('@').expect("pinned").1.to_owned();
    let install = |digest: &str| {
        let fixed = ["--trusted-keys", "keys", "--plugins-dir", "plugins", "--require-digest", digest];
        bench.run(&[&["plugin", "install", &repository], &fixed[..]].concat())
    };
    install(&format!("sha256:{}", "0".repeat(64))).refused(1, "reference_not_found");
    install(&digest).ok();
    // Twelve digits are enough for what is installed, and never for what is required.
    install(&digest[..19]).refused(2, "invalid_ref");
}

#[test]
fn a_tag_that_is_not_there_is_answered_with_those_that_are() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let repository = format!("{}/team/demo", registry.address);
    for tag in ["1.0.0", "1.10.0", "2.0.0-rc.1"] {
        bench.run(&["plugin", "push", "demo.tar", &format!("{repository}:{tag}")]).ok();
    }
    for (typed, meant) in [("v1.0.0", "1.0.0"), ("9", "1.10.0"), ("2.0.0-rc1", "2.0.0-rc.1")] {
        for command in COMMANDS {
            let reference = format!("{repository}:{typed}");
            let run = bench.run(&words(command, &reference));
            run.refused(1, "reference_not_found");
            let expected = "expected: one of the tags 2.0.0-rc.1, 1.10.0, 1.0.0\n  found:    ";
            assert!(run.stderr.contains(&format!("{expected}{typed}\n")), "{run:?}");
            let line = words(command, &format!("{repository}:{meant}")).join(" ").replace("my plugins", "'my plugins'");
            assert!(run.stderr.contains(&format!("hint: `aisoc {line}")), "{line}: {run:?}");
        }
    }
    // A repository that is not there has no tags, and a digest is no slip of the hand.
    let unknown = bench.run(&["plugin", "inspect", &format!("{}/team/nobody:1.0.0", registry.address)]);
    assert!(!unknown.refused(1, "reference_not_found").stderr.contains("tags"), "{unknown:?}");
    let digest = format!("{repository}@sha256:{}", "0".repeat(64));
    let digest = bench.run(&["plugin", "inspect", &digest]);
    assert!(!digest.refused(1, "reference_not_found").stderr.contains("one of the tags"), "{digest:?}");
}

/// What is refused is known before anything is asked.
#[test]
fn a_registry_that_says_nothing_keeps_nobody_waiting_for_its_tags() {
    let bench = Bench::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let repository = format!("{}/team/demo", silent.local_addr().expect("bound"));
    let start = std::time::Instant::now();
    let run = bench.run(&["plugin", "inspect", &repository]);
    run.refused(2, "invalid_ref");
    assert!(start.elapsed() < std::time::Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(run.stderr.contains("the registry has not listed them within 5 seconds"), "{run:?}");
}
