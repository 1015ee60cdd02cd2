//! What is said of a body before it comes: its coding, its length, its type.

use aisoc_testkit::archive::gzip;
use aisoc_testkit::hostile_registry::{says, unmeasured};

use super::{LOGIN, MANIFEST, MORE, SMALL, USUAL, each, install, layer, registry};

fn manifest() -> Vec<u8> {
    SMALL.content.tagged().to_vec()
}

#[test]
fn a_manifest_that_is_compressed() {
    let lines = format!("200 OK\nContent-Type: {MANIFEST}\nContent-Encoding: gzip");
    let registry = registry().on("GET", "/manifests/", says(lines, gzip(&manifest())));
    install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn codings_that_nobody_knows_and_several() {
    for codings in ["br", "x-unknown", "identity, gzip", "identity\nContent-Encoding: deflate", "gzip, gzip, gzip"] {
        let lines = format!("200 OK\nContent-Type: {MANIFEST}\nContent-Encoding: {codings}");
        let registry = registry().on("GET", "/manifests/", says(lines, manifest()));
        install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_layer_that_is_compressed_on_its_way() {
    let registry = registry().on("GET", "/blobs/", says("200 OK\nContent-Encoding: gzip", gzip(layer())));
    install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_length_and_chunks_at_once() {
    let body = manifest();
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let lines = format!("200 OK\nContent-Type: {MANIFEST}\nContent-Length: 5\nTransfer-Encoding: chunked");
    let registry = registry().on("GET", "/manifests/", unmeasured(lines, chunked));
    // The chunks count (RFC 9112, 6.3), and nobody but us reads them.
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn two_lengths() {
    each(["1", "+5", "0x10", "-1", "18446744073709551616", "5, 6"], |second| {
        let lines = format!("200 OK\nContent-Type: {MANIFEST}\nContent-Length: 5\nContent-Length: {second}");
        let registry = registry().on("GET", "/manifests/", unmeasured(lines, manifest()));
        let outcome = install(&registry).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
    });
}

#[test]
fn chunks_of_sizes_that_are_none() {
    each(["-1", "zz", "ffffffffffffffffff", " 5", "5;\u{1}"], |size| {
        let lines = format!("200 OK\nContent-Type: {MANIFEST}\nTransfer-Encoding: chunked");
        let registry =
            registry().on("GET", "/manifests/", unmeasured(lines, format!("{size}\r\n{{\"a\":1}}\r\n0\r\n\r\n")));
        let outcome = install(&registry).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    });
}

#[test]
fn a_web_page_in_place_of_a_manifest_and_of_a_layer() {
    for (part, more) in [("/manifests/", 0), ("/blobs/", 1)] {
        let page = says("200 OK\nContent-Type: text/html; charset=utf-8", "<html>log in</html>");
        let outcome = install(&registry().on("GET", part, page)).refused(4, "registry_protocol");
        outcome.read_at_most(USUAL).connections(LOGIN + more).nothing_written();
    }
}

#[test]
fn a_manifest_of_a_type_that_is_none() {
    for kind in
        ["application/vnd.docker.distribution.manifest.v1+prettyjws", "application/vnd.oci.image.config.v1+json"]
    {
        let registry = registry().on("GET", "/manifests/", says(format!("200 OK\nContent-Type: {kind}"), manifest()));
        install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}
