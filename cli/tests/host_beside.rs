//! Plugins that are changed side by side, and ask each other meanwhile, where none of them has a process.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::Bench;
use support::hooks::{fire, plugin, serving};
use support::host::{Answered, ServedHost, bench, has_python};

const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";
const HOOK: &str = "pre_assert_authorize";
const TWO: [&str; 2] = ["lab-one", "lab-two"];
/// Well below what a call is waited for.
const SOON: Duration = Duration::from_secs(15);

/// Two that are asked about each other, vote, and have `more` hooks.
fn two(bench: &Bench, validates: &str, more: &str) {
    let functions =
        format!("import os\ndef check(ctx, **said):\n {validates}\ndef vote(ctx, **rest): return Allow()\n");
    let hooks = format!("'config_validate': check, '{HOOK}': vote{more}");
    TWO.iter().for_each(|name| plugin(bench, name, &functions, &hooks, ""));
}

/// Both are reloaded at once, and a hook is fired meanwhile.
fn reload_both(host: &ServedHost) -> (Vec<Answered>, Answered) {
    let begun = Instant::now();
    let done = thread::scope(|scope| {
        let reload = |name: &'static str| move || host.post(&format!("/api/v1/plugins/{name}/reload"), "");
        let reloads = TWO.map(|name| scope.spawn(reload(name)));
        thread::sleep(Duration::from_millis(200));
        let fired = fire(host, HOOK, &json!({}));
        (reloads.into_iter().map(|one| one.join().expect("no panic")).collect(), fired)
    });
    assert!(begun.elapsed() < SOON, "they have waited for each other: {:?}", begun.elapsed());
    done
}

#[test]
fn two_without_a_process_that_ask_each_other_are_reloaded_side_by_side() {
    if !has_python() {
        return println!("{SKIPPED}");
    }
    let bench = bench();
    two(&bench, "return Allow()", "");
    let host = ServedHost::ready(&mut serving(&bench, &["--idle", "1"]));
    thread::sleep(Duration::from_secs(3));
    let (reloads, fired) = reload_both(&host);
    assert_eq!(fired.ok()["decision"], "allow");
    reloads.iter().for_each(|reload| drop(reload.ok()));
}

/// That one has ended is noted by whoever changes it, and waited for by nobody.
#[test]
fn two_that_end_while_they_are_asked_about_each_other_keep_nobody_waiting() {
    if !has_python() {
        return println!("{SKIPPED}");
    }
    let bench = bench();
    let validates = "if len(said.get('plugin', {}).get('hooks', [])) > 2: os._exit(3)\n return Allow()";
    two(&bench, validates, "");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    two(&bench, validates, ", 'pre_recall_authorize': vote");
    let (reloads, _) = reload_both(&host);
    assert!(reloads.iter().any(|reload| reload.status == 400), "{reloads:?}");
    assert_eq!(host.get("/api/v1/plugins").status, 200, "it answers");
}
