//! Layers that attackers make: cut, continued, inflated without end, or not one plugin; and what
//! others make, which is taken.

mod common;

use std::io::{self, Read};

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::ContentDigest;
use aisoc_manifests::fault::Reason;
use aisoc_packaging::{Limits, Staging};
use aisoc_signing::Content;
use aisoc_testkit::archive::{Entry, TarBuilder, gzip, record};
use common::{
    DEMO, GZIP, MANIFEST, TAR, accepts, good, inspect, path, refusal, refusal_of, refusal_quick, refuses, titled,
    untitled,
};

// ---- the end of archives and streams (rows 120, 124–126)

#[test]
fn refuses_an_archive_cut_at_any_byte() {
    let archive = good().end();
    for length in 0..archive.len() {
        assert_eq!(refusal_quick(&archive[..length]).reason(), Reason::UnsafeArchive, "{length} bytes");
    }
    let layer = gzip(&archive);
    for length in 0..layer.len() {
        let Err(fault) = inspect(&titled("demo"), GZIP, &layer[..length]) else { panic!("{length} bytes were enough") };
        assert_eq!(fault.reason(), Reason::UnsafeArchive, "{length} bytes");
    }
    let layer = zstd::encode_all(archive.as_slice(), 3).expect("compressed");
    for length in 0..layer.len() {
        let Err(fault) = inspect(&titled("demo"), ZSTD, &layer[..length]) else { panic!("{length} bytes were enough") };
        assert_eq!(fault.reason(), Reason::UnsafeArchive, "{length} bytes");
    }
}

const ZSTD: &str = "application/vnd.aisoc.plugin.v1.tar+zstd";

#[test]
fn refuses_what_follows_the_end() {
    refuses(&good().raw(&[0; 1024]).raw(b"x").unended(), "after its end");
    refuses(&good().raw(&[0; 1024]).raw(&good().end()).unended(), "after its end");
    refuses(&good().raw(&[0; 512]).raw(&good().end()).unended(), "after a block of zeros");
    let padded = good().raw(&[0; 10_240]).unended();
    accepts(&titled("demo"), TAR, &padded, &DEMO);
}

#[test]
fn refuses_a_second_member_and_trailing_bytes() {
    let member = gzip(&good().end());
    for trailing in [&b"x"[..], &[0], &member, &gzip(b"")] {
        let layer = [&member, trailing].concat();
        assert!(refusal_of(&titled("demo"), GZIP, &layer).message().contains("goes on"));
    }
    // A member that ends inside the archive, continued by another one, as `cat a.gz b.gz` makes it.
    let archive = good().end();
    let halves = [gzip(&archive[..700]), gzip(&archive[700..])].concat();
    assert!(refusal_of(&titled("demo"), GZIP, &halves).message().contains("ends early"));
    let frame = zstd::encode_all(good().end().as_slice(), 3).expect("compressed");
    assert!(refusal_of(&titled("demo"), ZSTD, &[&frame[..], &frame].concat()).message().contains("goes on"));
}

#[test]
fn refuses_another_compression_than_the_media_type_says() {
    let archive = good().end();
    let frame = zstd::encode_all(archive.as_slice(), 3).expect("compressed");
    for (media_type, layer) in [
        (GZIP, &archive),
        (GZIP, &frame),
        (ZSTD, &archive),
        (ZSTD, &gzip(&archive)),
        (TAR, &frame),
        (GZIP, &b"PK\x03\x04".to_vec()),
        (TAR, &b"PK\x03\x04".to_vec()),
        (GZIP, &b"BZh91AY&SY".to_vec()),
    ] {
        assert_eq!(refusal_of(&titled("demo"), media_type, layer).reason(), Reason::UnsafeArchive, "{media_type}");
    }
    accepts(&titled("demo"), TAR, &gzip(&archive), &DEMO);
    accepts(&titled("demo"), ZSTD, &frame, &DEMO);
    accepts(&titled("demo"), "application/vnd.docker.image.rootfs.diff.tar.gzip", &gzip(&archive), &DEMO);
}

#[test]
fn refuses_an_archive_of_nothing() {
    for layer in [vec![], vec![0; 1024], vec![0; 10_240]] {
        assert_eq!(refusal(&layer).reason(), Reason::UnsafeArchive);
    }
    assert_eq!(refusal_of(&titled("demo"), GZIP, &gzip(b"")).reason(), Reason::UnsafeArchive);
}

#[test]
fn refuses_a_flipped_bit_anywhere_in_the_stream() {
    let layer = gzip(&good().end());
    let whole = inspect(&titled("demo"), GZIP, layer.as_slice()).expect("walked").subject();
    // After the ten bytes of the member's header, whose flags and time say nothing about content.
    for position in 10..layer.len() {
        let mut changed = layer.clone();
        changed[position] ^= 1;
        // The last bits of a deflate stream may be padding, which changes nothing.
        if let Ok(staged) = inspect(&titled("demo"), GZIP, changed.as_slice()) {
            assert_eq!(staged.subject(), whole, "byte {position}");
        }
    }
}

#[test]
fn refuses_another_archive_than_the_annotation_names() {
    let archive = good().end();
    let form = |digest| LayerForm::Archive { title: Some(path("demo")), content_digest: Some(digest) };
    accepts(&form(ContentDigest::of(&archive)), GZIP, &gzip(&archive), &DEMO);
    let fault = refusal_of(&form(ContentDigest::of(b"other")), GZIP, &gzip(&archive));
    assert_eq!(fault.difference().expect("two digests").found, ContentDigest::of(&archive).to_string());
}

// ---- limits (rows 122, 123)

#[test]
fn refuses_a_decompression_bomb_while_it_is_small() {
    let zeros = Entry::file("demo/zeros", vec![0; 32 << 20]);
    let archive = good().entry(&zeros).end();
    assert!(refusal_of(&titled("demo"), GZIP, &gzip(&archive)).message().contains("300 times"));
    let frame = zstd::encode_all(archive.as_slice(), 3).expect("compressed");
    assert!(refusal_of(&titled("demo"), ZSTD, &frame).message().contains("300 times"));
    // The zeros after the end are a bomb too.
    let padding = good().raw(&vec![0; 32 << 20]).unended();
    assert!(refusal_of(&titled("demo"), GZIP, &gzip(&padding)).message().contains("300 times"));
}

#[test]
fn refuses_a_zstd_window_that_takes_the_memory() {
    use io::Write as _;
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).expect("an encoder");
    encoder.window_log(27).and_then(|()| encoder.write_all(&good().end())).expect("compressed");
    let layer = encoder.finish().expect("compressed");
    assert_eq!(refusal_of(&titled("demo"), ZSTD, &layer).reason(), Reason::UnsafeArchive);
}

#[test]
fn holds_every_limit() {
    let tight = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let mut staging = Staging::hash_only(limits);
        let layer = good().file("demo/large", &"x".repeat(3000)).file(&format!("demo/{}", "l".repeat(95)), "").end();
        match staging.layer(&titled("demo"), TAR, layer.as_slice()) {
            Err(fault) => fault.to_string(),
            Ok(()) => String::new(),
        }
    };
    assert_eq!(tight(|_| ()), "");
    for (change, word) in [
        ((|limits| limits.max_entries = 2) as fn(&mut Limits), "files and directories"),
        (|limits| limits.max_name_bytes = 30, "bytes of names"),
        (|limits| limits.max_file_bytes = 2999, "larger than 2999"),
        (|limits| limits.max_total_bytes = 3000, "more than 3000"),
    ] {
        assert!(tight(change).contains(word), "{word}: {}", tight(change));
    }
    let flood = (0..200).fold(TarBuilder::new(), |tar, _| tar.entry(&Entry::pax(b'g', &[("comment", "x")])));
    let mut staging = Staging::hash_only(Limits { max_entries: 50, ..Limits::default() });
    let fault = staging.layer(&titled("demo"), TAR, flood.end().as_slice()).expect_err("a flood of headers");
    assert!(fault.message().contains("headers"), "{fault:?}");
    let record = Entry { kind: b'x', ..Entry::file("x", record("comment", &"x".repeat(20_000))) };
    refuses(&good().entry(&record).file("demo/x", "").end(), "extension is larger");
}

#[test]
fn refuses_a_size_that_only_the_header_has() {
    // Nothing may be reserved for content that never comes.
    let huge = Entry { size: 3 << 30, ..Entry::file("demo/huge", "") };
    refuses(&good().entry(&huge).end(), "ends early");
    let larger = Entry { size: 8 << 30, ..Entry::file("demo/huge", "") };
    refuses(&good().entry(&Entry { size: (8 << 30) - 1, ..larger }).end(), "larger than");
}

// ---- what others make is taken

#[test]
fn takes_the_shapes_that_others_push() {
    let archive = good().end();
    accepts(&titled("demo"), GZIP, &gzip(&archive), &DEMO);
    accepts(&untitled(), GZIP, &gzip(&archive), &DEMO);
    let dotted =
        TarBuilder::new().directory("./").file("./plugin.yaml", MANIFEST).directory("./sub/").file("./sub/a.py", "");
    accepts(&untitled(), GZIP, &gzip(&dotted.end()), &["plugin.yaml", "sub/a.py"]);
    let bare = TarBuilder::new().file("plugin.yaml", MANIFEST).file("sub/a.py", "");
    accepts(&untitled(), GZIP, &gzip(&bare.end()), &["plugin.yaml", "sub/a.py"]);
    let without_parents = TarBuilder::new().file("demo/plugin.yaml", MANIFEST).file("demo/sub/a.py", "");
    accepts(&titled("demo"), GZIP, &gzip(&without_parents.end()), &["plugin.yaml", "sub/a.py"]);
    let long = format!("demo/{}.py", "f".repeat(150));
    let gnu = Entry { magic: *b"ustar  \0", kind: b'L', ..Entry::file("././@LongLink", format!("{long}\0")) };
    let cut = Entry { magic: *b"ustar  \0", ..Entry::file(&long[..100], "x") };
    accepts(&titled("demo"), TAR, &good().entry(&gnu).entry(&cut).end(), &[&long[5..], "plugin.py", "plugin.yaml"]);
}

#[test]
fn takes_one_layer_per_file_and_a_signature_beside_the_archive() {
    let mut staging = Staging::hash_only(Limits::default());
    for (name, content) in [("demo/plugin.yaml", MANIFEST), ("demo/sub/a.py", "pass\n"), ("demo/plugin.sig", "00")] {
        let form = LayerForm::File { path: path(name) };
        staging.layer(&form, "application/octet-stream", content.as_bytes()).expect("taken");
    }
    let staged = staging.finish().expect("one root");
    assert_eq!(staged.files().len(), 3);
    assert_eq!(staged.claim().expect("a claim").signature(), Some(&Content::Whole(b"00".to_vec())));
    let mut staging = Staging::hash_only(Limits::default());
    staging.layer(&titled("demo"), TAR, good().end().as_slice()).expect("the archive");
    let signature = LayerForm::File { path: path("demo/plugin.sig") };
    staging.layer(&signature, "application/octet-stream", &b"ff"[..]).expect("the signature");
    assert_eq!(staging.finish().expect("one root").files().len(), 3);
}

#[test]
fn keeps_a_signature_whole_or_not_at_all() {
    for (bytes, is_whole) in [(1023, true), (1024, true), (1025, false), (100_000, false)] {
        let layer = good().file("demo/plugin.sig", &"0".repeat(bytes)).end();
        let staged = inspect(&titled("demo"), TAR, layer.as_slice()).expect("walked");
        let claim = staged.claim().expect("a claim");
        let held = claim.signature().expect("held").whole().map(<[u8]>::len);
        assert_eq!(held, is_whole.then_some(bytes));
    }
}

#[test]
fn notes_the_empty_directories_of_an_archive() {
    let layer = good().directory("demo/requests/").directory("demo/rules/").file("demo/rules/a", "x").end();
    let staged = inspect(&titled("demo"), TAR, layer.as_slice()).expect("walked");
    assert_eq!(staged.claim().expect("a claim").tree().empty_directories, ["requests/"]);
}

#[test]
fn refuses_a_manifest_that_is_too_large() {
    let large = format!("# {}\n{MANIFEST}", "x".repeat(1 << 20));
    let layer = TarBuilder::new().file("demo/plugin.yaml", &large).end();
    let staged = inspect(&titled("demo"), TAR, layer.as_slice()).expect("walked");
    assert_eq!(staged.claim().expect_err("too large").reason(), Reason::TooLarge);
}

#[test]
fn refuses_a_crowd_of_manifests() {
    let large = format!("# {}\n{MANIFEST}", "x".repeat(1 << 20));
    let crowd = (0..6).fold(TarBuilder::new(), |tar, n| tar.file(&format!("d{n}/plugin.yaml"), &large));
    let fault = refusal_of(&untitled(), TAR, &crowd.end());
    assert!(fault.message().contains("many large manifests"), "{fault:?}");
}

// ---- which directory is the plugin (row 127)

#[test]
fn refuses_two_plugins_and_none() {
    let two = TarBuilder::new().file("a/plugin.yaml", MANIFEST).file("b/plugin.yaml", MANIFEST).end();
    assert_eq!(refusal_of(&untitled(), TAR, &two).reason(), Reason::AmbiguousLayout);
    let neither = TarBuilder::new().file("a/x", "").file("b/y", "").end();
    assert_eq!(refusal_of(&untitled(), TAR, &neither).reason(), Reason::AmbiguousLayout);
    for one in ["legacy/plugin.py", "outer/demo/plugin.yaml", "README.md"] {
        let none = TarBuilder::new().file(one, "").end();
        let staged = inspect(&untitled(), TAR, none.as_slice()).expect("walked");
        assert_eq!(staged.claim().expect_err("no manifest").reason(), Reason::ManifestMissing);
    }
}

#[test]
fn an_inner_archive_stays_a_file() {
    let inner = good().file("demo/inner.tar", "").end();
    let layer = good().entry(&Entry::file("demo/inner.tar", inner)).end();
    accepts(&titled("demo"), TAR, &layer, &["inner.tar", "plugin.py", "plugin.yaml"]);
}

#[test]
fn a_reader_that_gives_one_byte_at_a_time_changes_nothing() {
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            Read::read(&mut self.0, &mut buffer[..length])
        }
    }
    let layer = gzip(&good().end());
    assert_eq!(inspect(&titled("demo"), GZIP, Slow(&layer)).expect("walked").files().len(), 2);
}

#[test]
fn a_failing_reader_is_not_the_archives_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let half = gzip(&good().end());
    let reader = Read::chain(&half[..20], Broken);
    let fault = inspect(&titled("demo"), GZIP, reader).err().expect("refused");
    assert_eq!(fault.reason(), Reason::PullFailed);
}

#[test]
fn many_layers_together_are_held_to_the_total() {
    let mut staging = Staging::hash_only(Limits { max_total_bytes: 1000, ..Limits::default() });
    let mut layer = |name: &str| staging.layer(&LayerForm::File { path: path(name) }, "t/x", [b'x'; 600].as_slice());
    layer("plugin.yaml").expect("below the total");
    let fault = layer("plugin.py").expect_err("above the total");
    assert_eq!(fault.reason(), Reason::UnsafeArchive);
    assert!(fault.message().contains("1000 bytes"), "{fault:?}");
}
