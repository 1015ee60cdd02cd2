//! Nothing is decided by the beginning of a file or a stream: every place that reads a bounded amount is
//! here, with the line that refuses what comes after it.

mod support;

use support::workspace;

/// What reads bytes up to a bound, or to an end that the other side chooses.
const READS: [&str; 9] = [
    ".fill_buf(",
    ".read_to_end(",
    ".read_to_string(",
    ".read_until(",
    ".read_line(",
    ".read_exact(",
    ".read_exact_at(",
    "fs::read(",
    "fs::read_to_string(",
];

/// Where → how often, and the code in that file that refuses the rest, or that makes it no matter.
const READERS: &[(&str, usize, &str)] = &[
    // The one body for small files: everything else that decides goes through it.
    ("files/src/small.rs", 1, "match content.len() as u64 > max_bytes {"),
    // Whether a file begins like one that is compressed, which only refuses.
    ("registry-client/src/layout/foreign.rs", 1, "it is compressed ({form})"),
    // Whether a file begins as those do that are kept of downloads: another one is left alone.
    ("files/src/partial.rs", 2, "read.map(|()| begin == *MAGIC)"),
    // A layer's first four bytes say how it is compressed; they are read again as part of it.
    ("packaging/src/inflate.rs", 2, "Cursor::new(magic).chain(reader)"),
    // Whether a stray file begins like a note, which only refuses; one that has not begun by then is refused.
    ("signing/src/keyring/files.rs", 1, "Walk::default().open_file(&self.place, name)?"),
    // A journal, line by line and hashed whole: its size is looked at first, and no line is kept beyond its bound.
    ("trust/src/journal/lines.rs", 1, "self.line.len() + text.len() > MAX_LINE_BYTES"),
    // The end of an audit log, which says how far it has counted, and pieces of it, of which no line is kept beyond its bound.
    ("context/src/audit/files.rs", 1, "saturating_sub(2 * MAX_LINE_BYTES as u64)"),
    ("context/src/audit/reader.rs", 2, "self.held.len() > MAX_LINE_BYTES + 1"),
    // The last byte of a file that is only appended to.
    ("files/src/append.rs", 1, "SeekFrom::End(-1)"),
    // Blobs and documents of a layout archive: each at its place, of the length that its header states, and
    // judged by its digest.
    ("registry-client/src/layout/archive.rs", 4, "check_end(path, file, headers.at, length)?"),
    ("registry-client/src/layout/stored.rs", 2, "== digest"),
    ("registry-client/src/layout/one_pass.rs", 1, "Digest::of(&bytes) == layer.digest"),
    // What arrived, as many bytes as were counted, once more by the algorithm of its digest.
    ("registry-client/src/layout/ingest.rs", 1, "expected.require(&found"),
    // Where an upload is that an earlier run began: all that the file is long, and no more than a location may be.
    ("registry-client/src/remote/kept_session.rs", 1, "length > MAX_LOCATION_BYTES"),
    // A request's body, which was received to its end and counted before.
    ("registry-server/src/manifests.rs", 1, "SpooledTempFile"),
    // Answers of a child that we started, and of the person at the terminal: a line without its end is none.
    ("cli/src/commands/demo.rs", 1, "address"),
    ("cli/src/commands/uninstall.rs", 1, "filter(|answer| answer.ends_with('\\n'))"),
    ("worker/src/process/answers.rs", 1, "line.len() as u64 == most => return End::TooLarge"),
    // What a plugin prints: what is behind the bound of a line is dropped, to its end.
    ("worker/src/process/log.rs", 1, "self.printed.skip_until(b'\\n')"),
    ("programs/src/pipe.rs", 0, "self.length > self.most"),
    // What the kernel says about processes and users.
    ("worker/src/descendants.rs", 1, "/proc/"),
    ("worker/src/groups/place.rs", 5, "/proc/self/cgroup"),
    ("worker/src/groups/group.rs", 1, "memory.events"),
    ("worker/src/sandbox/namespaces.rs", 1, "/proc/self/mountinfo"),
    ("files/src/access.rs", 1, "\"/proc\""),
    ("cli/src/runtime.rs", 1, "/proc/self/status"),
];

#[test]
fn every_bounded_read_refuses_the_rest() {
    let found = workspace::sources();
    for (file, code) in &found {
        let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let reads = lines.filter(|line| READS.iter().any(|read| line.contains(read))).count();
        let known = READERS.iter().find(|(known, ..)| known == file);
        let expected = known.map_or(0, |(_, count, _)| *count);
        assert_eq!(
            reads, expected,
            "{file} reads in a way of its own: `aisoc_files::read_small` reads whole or refuses"
        );
        if let Some((_, _, refusal)) = known {
            assert!(code.contains(refusal), "{file} has lost `{refusal}`");
        }
    }
    for (file, ..) in READERS {
        assert!(found.contains_key(*file), "{file} is gone");
    }
    println!("{} files read, {} of them in a way of their own", found.len(), READERS.len());
}
