//! Bodies that are other, shorter or longer than they should be, or never end.

use std::time::Duration;

use aisoc_testkit::hostile_registry::{
    Deed, HostileRegistry, drips, endless, in_turn, raw, resets, says, stalls, unmeasured,
};

use super::{
    Install, LARGE, LOGIN, MANIFEST, MORE, SMALL, TRIES, UNDERWAY, USUAL, each, install, install_hastily, layer,
    registry,
};

fn manifest() -> Vec<u8> {
    SMALL.content.tagged().to_vec()
}

fn manifest_head(lines: &str) -> String {
    format!("200 OK\nContent-Type: {MANIFEST}{lines}")
}

/// A head as it is on the wire.
fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {MANIFEST}\r\n{lines}\r\n").into_bytes()
}

#[test]
fn a_manifest_that_ends_before_its_announced_end() {
    let lines = manifest_head(&format!("\nContent-Length: {}", manifest().len() + 100));
    let registry = registry().on("GET", "/manifests/", unmeasured(lines, manifest()));
    install(&registry).refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_that_goes_on_after_its_announced_end() {
    let lines = manifest_head(&format!("\nContent-Length: {}", manifest().len() - 100));
    let registry = registry().on("GET", "/manifests/", unmeasured(lines, manifest()));
    install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_that_ends_in_its_middle_without_a_length() {
    let half = manifest()[..manifest().len() / 2].to_vec();
    let registry = registry().on("GET", "/manifests/", unmeasured(manifest_head(""), half));
    install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_that_does_not_end() {
    let registry = registry().on("GET", "/manifests/", endless(head(""), "{\"a\": \"b\"},"));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most((4 << 20) + UNDERWAY).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_in_chunks_that_do_not_end() {
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
    let registry = registry().on("GET", "/manifests/", endless(head("Transfer-Encoding: chunked\r\n"), chunk));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most((4 << 20) + UNDERWAY).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_that_drips() {
    let drip = drips(head("Content-Length: 4000000\r\n"), " ", Duration::from_millis(20));
    let registry = registry().on("GET", "/manifests/", drip);
    let outcome = install_hastily(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(LOGIN).within(5).nothing_written();
}

#[test]
fn a_manifest_that_stops_coming() {
    let registry = registry().on("GET", "/manifests/", stalls(head("Content-Length: 4000000\r\n")));
    let outcome = install_hastily(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(LOGIN).within(5).nothing_written();
}

#[test]
fn other_bytes_than_the_layers_digest_names() {
    let mut other = layer().to_vec();
    let last = other.len() - 1;
    other[last] ^= 1;
    let registry = registry().on("GET", "/blobs/", says("200 OK", other));
    install(&registry).refused(3, "pull_failed").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_layer_that_is_announced_longer_or_shorter() {
    for body in [[layer(), b"more"].concat(), layer()[1..].to_vec()] {
        let registry = registry().on("GET", "/blobs/", says("200 OK", body));
        install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
    }
}

#[test]
fn a_layer_that_goes_on_without_a_length() {
    let longer = [layer(), b"more"].concat();
    let registry = registry().on("GET", "/blobs/", unmeasured("200 OK", longer));
    install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_layer_that_never_ends() {
    let first = [b"HTTP/1.1 200 OK\r\n\r\n", layer()].concat();
    let registry = registry().on("GET", "/blobs/", endless(first, [0]));
    let outcome = install(&registry).refused(4, "download_damaged");
    outcome.read_at_most(USUAL + UNDERWAY).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_layer_that_always_ends_early() {
    let shorter = layer()[..layer().len() - 1].to_vec();
    let registry = registry().on("GET", "/blobs/", unmeasured("200 OK", shorter));
    let outcome = install(&registry).refused(4, "download_damaged");
    outcome.read_at_most(5 * USUAL).connections(LOGIN + TRIES).nothing_written();
}

#[test]
fn a_layer_that_drips() {
    let lines = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", layer().len());
    let registry = registry().on("GET", "/blobs/", drips(lines, [0x1f], Duration::from_millis(20)));
    install_hastily(&registry).within(5).read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_layer_that_stops_coming() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", layer().len());
    let first = [head.as_bytes(), &layer()[..100]];
    let registry = registry().on("GET", "/blobs/", stalls(first.concat()));
    let outcome = install_hastily(&registry).refused(4, "registry_unavailable");
    outcome.within(5).read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

/// Sends the large layer from where it is asked to, and resets the connection after so many bytes.
fn resetting(every: usize, honours_ranges: bool) -> HostileRegistry {
    let deed = Deed::new(move |line| {
        let layer = LARGE.content.named("/layers/0");
        let from = line.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let from: usize = from.filter(|_| honours_ranges).unwrap_or(0);
        let last = layer.len() - 1;
        match from {
            0 => line.head(&format!("200 OK\nContent-Length: {}", layer.len()))?,
            _ => line.head(&format!(
                "206 Partial Content\nContent-Length: {}\nContent-Range: bytes {from}-{last}/{}",
                layer.len() - from,
                layer.len()
            ))?,
        }
        let end = layer.len().min(from + every);
        line.raw(&layer[from..end])?;
        line.reset()
    });
    HostileRegistry::holding(LARGE.content.clone()).on("GET", "/blobs/", deed)
}

#[test]
fn a_connection_that_is_reset_at_every_64_kib() {
    each([true, false], |honours_ranges| {
        let registry = resetting(64 << 10, honours_ranges);
        let outcome = Install { published: &LARGE, ..Install::of(&registry) }.run();
        let outcome = outcome.refused(4, "registry_unavailable").read_at_most((TRIES as u64) * (64 << 10) + USUAL);
        outcome.connections(LOGIN + TRIES).nothing_written();
    });
}

#[test]
fn a_rest_that_begins_elsewhere() {
    let half = layer().len() / 2;
    let first = unmeasured(format!("200 OK\nContent-Length: {}", layer().len()), &layer()[..half]);
    let wrong =
        says(format!("206 Partial Content\nContent-Range: bytes 0-{}/{}", half, layer().len()), &layer()[..=half]);
    let registry = registry().on("GET", "/blobs/", in_turn([first, wrong.clone(), wrong]));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most(USUAL).connections(LOGIN + 3).nothing_written();
}

#[test]
fn a_rest_of_another_layer() {
    let (length, half) = (layer().len(), layer().len() / 2);
    let first = unmeasured(format!("200 OK\nContent-Length: {length}"), &layer()[..half]);
    let rest = says(
        format!("206 Partial Content\nContent-Range: bytes {half}-{}/{length}", length - 1),
        vec![7; length - half],
    );
    let registry = registry().on("GET", "/blobs/", in_turn([first, rest]));
    let outcome = install(&registry).refused(3, "pull_failed");
    outcome.read_at_most(USUAL).connections(LOGIN + 2).nothing_written();
}

#[test]
fn a_rest_that_is_not_to_be_had() {
    let (length, half) = (layer().len(), layer().len() / 2);
    let first = unmeasured(format!("200 OK\nContent-Length: {length}"), &layer()[..half]);
    let none = says(format!("416 Range Not Satisfiable\nContent-Range: bytes */{half}"), []);
    let registry = registry().on("GET", "/blobs/", in_turn([first, none]));
    let outcome = install(&registry).refused(1, "registry_refused");
    outcome.read_at_most(USUAL).connections(LOGIN + 3).nothing_written();
}

#[test]
fn a_part_that_nobody_asked_for() {
    let lines = format!("206 Partial Content\nContent-Range: bytes 0-{}/{}", layer().len() - 1, layer().len());
    let registry = registry().on("GET", "/blobs/", says(lines, layer()));
    install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn successes_that_have_no_content() {
    for status in ["204 No Content", "205 Reset Content", "202 Accepted"] {
        let registry = registry().on("GET", "/blobs/", says(status, layer()));
        install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
    }
}

#[test]
fn a_manifest_after_a_status_that_has_none() {
    let body = [b"HTTP/1.1 204 No Content\r\n\r\n".as_slice(), &manifest()].concat();
    let registry = registry().on("GET", "/manifests/", raw(body));
    install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_connection_that_is_reset_before_and_within_the_headers() {
    each(["", "HTTP/1.1 200 OK\r\nContent-Ty"], |first| {
        let registry = registry().on("GET", "/manifests/", resets(first));
        let outcome = install(&registry).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
    });
}
