//! What an interrupted transfer leaves for the same command again, as a user meets it: what is said, what stays, and
//! what is asked for the second time.

mod support;

use std::fs;

use aisoc_testkit::registry::{Act, Registry, Rule, Seen};
use support::{Bench, Run};

const MIB: usize = 1 << 20;

/// The plugin `demo` with 6 MiB that no compression makes smaller, signed, as `demo.tar`.
fn large(bench: &Bench) {
    bench.published();
    let mut state = 7_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(6 * MIB)
    .collect();
    bench.write("demo/rules/noise.bin", noise);
    bench.sign("demo").ok();
}

fn push(bench: &Bench, registry: &Registry) -> Run {
    bench.run(&["plugin", "push", "demo", &registry.reference("team/demo:1"), "--trusted-keys", "keys"])
}

fn pull(bench: &Bench, registry: &Registry) -> Run {
    bench.run(&["plugin", "pull", &registry.reference("team/demo:1"), "--out", "out"])
}

fn partials(bench: &Bench, directory: &str) -> usize {
    fs::read_dir(bench.path(directory).join(".aisoc-partials")).map_or(0, Iterator::count)
}

fn uploads(registry: &Registry) -> Vec<String> {
    let is_upload = |seen: &Seen| seen.path.contains("/uploads/") && seen.content_length.as_deref() != Some("0");
    let line = |seen: Seen| format!("{} {}", seen.method, seen.content_range.unwrap_or_default());
    registry.requests().into_iter().filter(is_upload).map(line).collect()
}

#[test]
fn a_push_that_broke_off_goes_on_in_the_next_run() {
    let (bench, registry) = (Bench::new(), Registry::start());
    large(&bench);
    // The configuration goes first, whole; then the layer, whose line breaks, and stays broken.
    let broken = |method: &str| Rule::on("/uploads/", Act::BreakBody(3 * MIB)).method(method);
    registry.set_rules(vec![
        Rule::on("/uploads/", Act::Header("x-first", "yes".to_owned())).method("PUT").times(1),
        broken("PUT"),
        Rule::on("/uploads/", Act::HangUp).method("GET"),
    ]);
    let first = push(&bench, &registry);
    first.refused(4, "registry_unavailable");
    assert!(first.stderr.contains("Kept the upload of sha256:"), "{}", first.stderr);
    assert_eq!(partials(&bench, ".local/state/aisoc"), 1);
    registry.set_rules(vec![]);
    registry.forget();
    let second = push(&bench, &registry);
    second.ok();
    assert!(second.stderr.contains(&format!("at byte {} of ", 3 * MIB)), "{}", second.stderr);
    let sent = uploads(&registry);
    assert!(sent.iter().any(|line| line.starts_with(&format!("PATCH {}-", 3 * MIB))), "{sent:?}");
    assert!(!sent.iter().any(|line| line.starts_with("PUT")), "{sent:?}");
    assert_eq!(partials(&bench, ".local/state/aisoc"), 0);
    pull(&bench, &registry).ok();
    assert!(fs::read(bench.path("out/rules/noise.bin")).is_ok_and(|found| found.len() == 6 * MIB));
}

#[test]
fn a_pull_that_broke_off_in_the_layer_keeps_what_came() {
    let (bench, registry) = (Bench::new(), Registry::start());
    large(&bench);
    push(&bench, &registry).ok();
    registry.forget();
    // What is cut off is no whole archive either: the transfer is the reason, and what came of it stays.
    registry.set_rules(vec![
        Rule::on("/blobs/", Act::CutAfter(5 * MIB)).method("GET").times(1),
        Rule::on("/blobs/", Act::Status(503)).method("GET"),
    ]);
    let first = pull(&bench, &registry);
    first.refused(4, "registry_unavailable");
    assert!(first.stderr.contains("Kept"), "{}", first.stderr);
    assert_eq!(partials(&bench, ""), 1);
    registry.set_rules(vec![]);
    registry.forget();
    let second = pull(&bench, &registry);
    second.ok();
    let ranges: Vec<String> = registry.requests().into_iter().filter_map(|seen| seen.range).collect();
    assert_eq!(ranges.len(), 1, "{}", second.stderr);
    assert_eq!(partials(&bench, ""), 0);
}
