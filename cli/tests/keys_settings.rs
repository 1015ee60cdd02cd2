//! Keys are changed whatever the settings of the day are that decide about plugins.

mod support;

use std::fs;
use std::process::Stdio;

use support::{Bench, Run};

const TRUSTED: &str = "AISOC_PLUGIN_TRUSTED_PUBLISHERS";
const DENIED: &str = "AISOC_PLUGIN_DENY_CAPABILITIES";
const MODE: &str = "PLUGIN_TRUST_MODE";
const HERE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const REASON: [&str; 2] = ["--reason", "stolen"];

/// Two trusted keys, and a plugin that these have signed.
fn signed_by(keys: &[&str]) -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("keys")).expect("made");
    for key in ["k1", "k2"] {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
        fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("keys/{key}.pem"))).expect("copied");
    }
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    for (number, key) in keys.iter().enumerate() {
        let key = format!("{key}.key");
        let add: &[&str] = if number == 0 { &[] } else { &["--add"] };
        bench.run(&[&["plugin", "sign", "demo", "--private-key", &key], add].concat()).ok();
    }
    bench.run(&[&["plugin", "install", "./demo"], &HERE[..]].concat()).ok();
    bench
}

fn keys(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> Run {
    bench.run_with(&[&["keys"], words, &HERE].concat(), variables)
}

fn changed(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> Run {
    keys(bench, &[words, &REASON].concat(), variables)
}

/// Something is lost with the key; what is said of it.
fn needed(run: &Run) -> &str {
    assert!(run.code == 3 && run.error_line().starts_with("error[key_needed]"), "{run:?}");
    &run.stderr
}

/// Each of these refuses every plugin, or none, and says nothing of keys.
const BROKEN: [(&str, &str); 4] = [(TRUSTED, "k1, "), (DENIED, "facts.*,"), (MODE, "disabled"), ("", "")];

/// The variable, or without one a time that nobody can read.
fn broken<'a>(bench: &Bench, setting: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    if setting.0.is_empty() {
        bench.write("plugins/.aisoc/last-seen", "junk");
        return Vec::new();
    }
    vec![setting]
}

#[test]
fn no_setting_of_the_day_stops_a_key_that_goes_whatever_depends_on_it() {
    for setting in BROKEN {
        for command in [&["revoke", "k1", "--force"][..], &["retire", "k1", "--force"]] {
            let bench = signed_by(&["k1"]);
            let variables = broken(&bench, setting);
            changed(&bench, command, &variables).ok();
            assert!(!bench.path("keys/k1.pem").exists(), "{setting:?} {command:?}");
        }
    }
}

#[test]
fn what_depends_on_a_key_that_goes_is_named_in_mode_disabled_as_well() {
    let bench = signed_by(&["k1"]);
    let run = changed(&bench, &["revoke", "k1", "--force"], &[(MODE, "disabled")]);
    assert!(run.ok().stderr.contains("`demo` 0.1.0 depends on the key"), "{run:?}");
}

#[test]
fn keys_are_listed_where_a_setting_cannot_be_read() {
    for setting in BROKEN {
        let bench = signed_by(&["k1"]);
        let variables = broken(&bench, setting);
        for words in [&["list"][..], &["show", "k1"]] {
            let run = keys(&bench, words, &variables);
            assert!(run.ok().stdout.contains("k1"), "{setting:?} {run:?}");
            let is_left_out = run.stderr.contains("warning[setting_left_out]");
            assert_eq!(is_left_out, setting.0 != MODE, "{setting:?} {run:?}");
        }
    }
}

#[test]
fn a_key_that_something_may_depend_on_stays_and_the_hint_works_as_printed() {
    let bench = signed_by(&["k1"]);
    for command in ["revoke", "retire"] {
        let run = changed(&bench, &[command, "k1"], &[(TRUSTED, "k1, ")]);
        assert!(run.refused(2, "usage").stderr.contains("`aisoc keys list"), "{run:?}");
        for setting in [(DENIED, "facts.*,"), (DENIED, "facts.read"), (TRUSTED, "nosuch")] {
            changed(&bench, &[command, "k1"], &[setting]).refused(3, "key_needed");
        }
    }
    assert!(bench.path("keys/k1.pem").exists());
}

/// What is refused today for something else needs its keys all the same.
#[test]
fn dependence_is_judged_by_signatures_and_keys_alone() {
    let bench = signed_by(&["k1"]);
    for setting in [(DENIED, "facts.read"), (TRUSTED, "nosuch"), ("PLUGIN_TRUST_COVERAGE", "full")] {
        needed(&keys(&bench, &["impact", "k1"], &[setting]));
    }
    let both = signed_by(&["k1", "k2"]);
    for setting in [(DENIED, "facts.read"), (TRUSTED, "nosuch"), (TRUSTED, "k1,k2"), (TRUSTED, "k2")] {
        keys(&both, &["impact", "k1"], &[setting]).ok();
    }
}

#[test]
fn a_key_that_has_signed_already_and_is_on_no_list_is_what_is_said() {
    let bench = signed_by(&["k1", "k2"]);
    let list = [(TRUSTED, "k1")];
    let rotate = ["rotate", "--new", "k2.pem", "--retire", "k1", "--overlap", "0d", "--dry-run"];
    let rotated = changed(&bench, &rotate, &list);
    assert!(!rotated.ok().stdout.contains("plugin resign"), "{rotated:?}");
    assert!(rotated.stdout.contains("from no publisher whose plugins this site takes"), "{rotated:?}");
    for run in [&rotated, &changed(&bench, &rotate[..rotate.len() - 1], &list)] {
        let said = format!("{}{}", run.ok().stdout, run.stderr);
        assert!(!said.contains("on the old key alone"), "{run:?}");
        assert!(said.contains("1 plugin signed by keys that stay, which no list of publishers names"), "{run:?}");
        assert!(said.contains("a list of publishers that names the keys which stay comes first"), "{run:?}");
    }
    assert!(bench.path("keys/k1.pem").exists());
    for run in [keys(&bench, &["impact", "k1"], &list), changed(&bench, &["retire", "k1"], &list)] {
        let said = needed(&run);
        assert!(said.contains("signed by `k2` as well, on no list of publishers"), "{said}");
        assert!(said.contains(TRUSTED) && !said.contains("resign"), "{said}");
    }
    assert!(bench.path("keys/k1.pem").exists());
}

/// Either the install comes first, and the key stays; or it is judged without the key.
#[test]
fn the_first_install_of_all_and_a_key_that_goes_judge_each_other() {
    for round in 0..12 {
        let bench = signed_by(&["k1"]);
        fs::remove_dir_all(bench.path("plugins")).expect("removed");
        fs::create_dir(bench.path("plugins")).expect("made");
        let install = [&["plugin", "install", "./demo"], &HERE[..]].concat();
        let retire = [&["keys", "retire", "k1"], &REASON[..], &HERE].concat();
        let start =
            |words: &[&str]| bench.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let both = match round % 2 {
            0 => [start(&install), start(&retire)],
            _ => [start(&retire), start(&install)],
        };
        let done = both.map(|mut child| child.wait().expect("ended").success());
        assert_ne!(done, [true, true], "round {round}");
    }
}

/// Who takes a key away makes the lock under which the first install would be judged.
#[test]
fn a_key_goes_under_the_lock_of_plugins_that_are_still_to_come() {
    let bench = signed_by(&["k1"]);
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    fs::create_dir(bench.path("plugins")).expect("made");
    changed(&bench, &["retire", "k1", "--dry-run"], &[]).ok();
    assert!(!bench.path("plugins/.aisoc").exists(), "a dry run makes nothing");
    changed(&bench, &["retire", "k1"], &[]).ok();
    assert!(bench.path("plugins/.aisoc/write.lock").exists());
}

/// Who keeps the keys need not be who installs, and keeps nobody's installs out.
#[test]
fn who_may_not_keep_installs_out_is_told_who_can_take_the_key_away() {
    let bench = signed_by(&["k1", "k2"]);
    let Some(nobody) = bench.as_nobody() else {
        eprintln!("SKIPPED: only root runs a command as somebody else");
        return;
    };
    for place in ["keys", "keys/k1.pem", "keys/k2.pem"] {
        std::os::unix::fs::chown(bench.path(place), Some(65534), Some(65534)).expect("given away");
    }
    for command in ["retire", "revoke"] {
        let words = [&["keys", command, "k1"], &REASON[..], &HERE].concat();
        let run = nobody(&words);
        run.refused(1, "io_denied");
        assert!(run.error_line().contains("no install into `plugins` may come in while it is asked"), "{run:?}");
        assert!(run.stderr.contains("hint: repeat it as the user who installs plugins there"), "{run:?}");
        assert!(bench.path("keys/k1.pem").exists());
    }
    nobody(&[&["keys", "retire", "k1", "--force"], &REASON[..], &HERE].concat()).ok();
}
