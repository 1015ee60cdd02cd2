//! The reader against the host's own reader, on documents that nobody wrote.
//!
//! Recorded manifests are cut, spliced and sprinkled with everything that has a meaning in YAML or JSON,
//! and every result goes through PyYAML and `json` in a Python process. `AISOC_DIFFERENTIAL=200000` makes
//! it a long run, `AISOC_DIFFERENTIAL_SEED` another one. Without a Python that has PyYAML it is skipped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use aisoc_manifests::digest::{Digest, hex};
use aisoc_manifests::plugin::{Document, ManifestFile};
use base64::Engine as _;

/// Documents in a normal run, which must stay short.
const DOCUMENTS: usize = 2_000;

/// Reads one byte for the kind, four for the length, and the document; answers with one line.
const REFERENCE: &str = r#"
import hashlib, io, json, struct, sys, yaml
def outcome(kind, document):
    try:
        text = io.TextIOWrapper(io.BytesIO(document), encoding="utf-8").read()
        value = yaml.load(text, Loader=yaml.SafeLoader) if kind == b"y" else json.loads(text)
        if kind == b"y" and not isinstance(value, dict):
            return "manifest"
    except Exception:
        return "manifest"
    try:
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except Exception:
        return "digest"
    return hashlib.sha256(canonical).hexdigest()
while kind := sys.stdin.buffer.read(1):
    (length,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    print(outcome(kind, sys.stdin.buffer.read(length)), flush=False)
"#;

const YAML_FRAGMENTS: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    " :",
    "- ",
    "\n- ",
    "-",
    "? ",
    "\n? ",
    "\n: ",
    "?",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    "#",
    " #c",
    "&a ",
    "&b ",
    "*a",
    "*b",
    "*a ",
    "<<: *a",
    "\n<<: *a\n",
    "<<: [*a, *b]",
    "<<",
    "=",
    "= : 1",
    "!",
    "! ",
    "!!str ",
    "!!int ",
    "!!float ",
    "!!bool ",
    "!!null ",
    "!!set ",
    "!!omap ",
    "!!pairs ",
    "!!binary ",
    "!!timestamp ",
    "!!map ",
    "!!seq ",
    "!<tag:yaml.org,2002:int> ",
    "!e!int ",
    "!x ",
    "!<!> ",
    "!%69nt ",
    "|",
    "|\n  x\n",
    ">",
    ">-\n  a\n  b\n\n  c\n",
    "|2\n",
    "|+\n",
    "|-1\n",
    "|1+ #c\n",
    ">0",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "\\x41",
    "\\ud83d",
    "\\ude00",
    "\\U0001F600",
    "\\\n",
    "\\N",
    "\\/",
    "\\q",
    "---",
    "\n---\n",
    "\n--- ",
    "...",
    "\n...\n",
    "%YAML 1.1\n---\n",
    "%YAML 1.2\n",
    "%YAML 2.0\n",
    "%TAG !e! tag:yaml.org,2002:\n---\n",
    "%FOO bar\n---\n",
    "%",
    "@",
    "`",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{a0}",
    "\u{1f600}",
    "é",
    "\r",
    "\r\n",
    "\u{7f}",
    "\u{0}",
    "\u{ffff}",
    "~",
    "null",
    "Null",
    "yes",
    "No",
    "on",
    "True",
    "FALSE",
    "y",
    "0",
    "1",
    "-1",
    "1.0",
    "1.",
    ".5",
    "-.5",
    "+.5",
    "1e5",
    "1e+5",
    "1.0e+5",
    "1.5e-7",
    "1_000",
    "0x1F",
    "0xg",
    "0b11",
    "010",
    "08",
    "0o7",
    "1:30",
    "1:30.5",
    "0:30",
    "190:20:30",
    ".inf",
    "-.inf",
    ".nan",
    "-.nan",
    "2001-01-01",
    "2001-1-1",
    "2001-02-30",
    "2001-01-01T1:2:3Z",
    "2001-01-01 01:02:03.5 +1:30",
    "2001-01-01t01:02:03-99",
    "1e400",
    "9007199254740993",
    "123456789012345678901234567890",
    "{a: 1}",
    "[a: 1]",
    "{a}",
    "{? a : b}",
    "[? a : b]",
    "{\"a\":1}",
    "{a:1}",
    "a: b",
    "\na: b\n",
    "x",
    "abc",
    "a b",
    "id",
    "trust",
    "1: 2",
    "true: 1\n1.0: 2\n",
    "\n? [a]\n: b\n",
    "  - x\n",
    "12\n",
    "\"12\\n\"",
    "\u{ff11}",
];

const JSON_FRAGMENTS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud83d",
    "\\ude00",
    "\\uDC00",
    "\\n",
    "\\x",
    "\\/",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "é",
    "\u{1f600}",
    "\u{2028}",
    "\u{feff}",
    "0",
    "-",
    "-0",
    "-0.0",
    "01",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "1e",
    "1e400",
    "-1e400",
    "5e-324",
    "1e16",
    "1e-5",
    "123456789012345678901234567890",
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    "false",
    "nul",
    "True",
    "\"a\"",
    "\"a\":1",
    ",\"a\":2",
    "{}",
    "[]",
    "//c",
    "/**/",
    "'a'",
    "+1",
    "0x1",
    "\u{a0}",
];

/// Splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % limit.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

#[test]
fn reads_what_the_host_reads() {
    let python = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        println!("skipped: there is no python3 with PyYAML to compare with");
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count = number("AISOC_DIFFERENTIAL").unwrap_or(DOCUMENTS);
    let documents = documents(count, number("AISOC_DIFFERENTIAL_SEED").unwrap_or(1) as u64);

    let (mut accepted, mut refused, mut differing) = (0, 0, Vec::new());
    for ((file, document), expected) in documents.iter().zip(reference(&documents)) {
        let found = outcome(*file, document);
        if found != expected {
            differing
                .push(format!("{file}: expected {expected}, found {found}\n{:?}", String::from_utf8_lossy(document)));
        } else if found.len() == 64 {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    println!("differential: {accepted} equal, {refused} refused at the same stage, {} differ", differing.len());
    assert!(differing.is_empty(), "{}", differing[..differing.len().min(25)].join("\n"));
}

fn outcome(file: ManifestFile, document: &[u8]) -> String {
    match Document::read(file, document).map(|document| document.canonical()) {
        Err(_) => "manifest".to_owned(),
        Ok(Err(_)) => "digest".to_owned(),
        Ok(Ok(canonical)) => hex(Digest::of(&canonical).as_bytes()),
    }
}

/// What the Python process says about each document.
fn reference(documents: &[(ManifestFile, Vec<u8>)]) -> Vec<String> {
    let mut python = Command::new("python3")
        .args(["-c", REFERENCE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it ran a moment ago");
    let mut stdin = python.stdin.take().expect("piped");
    let stdout = BufReader::new(python.stdout.take().expect("piped"));
    let lines = std::thread::scope(|scope| {
        scope.spawn(move || {
            for (file, document) in documents {
                let kind = if *file == ManifestFile::Yaml { b"y" } else { b"j" };
                stdin.write_all(kind).expect("python reads");
                stdin.write_all(&(document.len() as u32).to_be_bytes()).expect("python reads");
                stdin.write_all(document).expect("python reads");
            }
        });
        stdout.lines().collect::<Result<Vec<_>, _>>().expect("python writes text")
    });
    assert!(python.wait().expect("python ends").success());
    assert_eq!(lines.len(), documents.len());
    lines
}

fn documents(count: usize, seed: u64) -> Vec<(ManifestFile, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors/tables_public.json");
    let tables: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).expect("vectors are there")).expect("vectors are JSON");
    let recorded = |table: &str| -> Vec<Vec<u8>> {
        let rows = tables[table]["rows"].as_array().expect("a table has rows");
        let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        rows.iter().filter(|row| row["e"].is_null()).map(|row| decode(row["d"].as_str().expect("text"))).collect()
    };
    let (yaml, json) = (recorded("yaml_documents"), recorded("json_documents"));
    let mut random = Random(seed);
    (0..count)
        .map(|number| match number % 8 {
            0 => (ManifestFile::Json, mutated(&json, JSON_FRAGMENTS, &mut random)),
            1 => (ManifestFile::Yaml, made_up(&mut random)),
            2 if number % 3 == 0 => (ManifestFile::Yaml, odd_keys(&mut random)),
            2 if number % 3 == 1 => (ManifestFile::Yaml, merges(&mut random)),
            2 => (ManifestFile::Yaml, tagged(&mut random)),
            _ => (ManifestFile::Yaml, mutated(&yaml, YAML_FRAGMENTS, &mut random)),
        })
        .collect()
}

/// Fragments in a row, or a few lines of one or two each.
fn made_up(random: &mut Random) -> Vec<u8> {
    const STARTS: &[&str] =
        &["", "k: ", "k:\n  ", "a: &a {x: 1}\nb: &b {y: 2}\n", "%TAG !e! tag:yaml.org,2002:\n---\nk: !e!int "];
    let mut text = random.pick(STARTS).to_owned();
    if random.below(2) == 0 {
        (0..1 + random.below(9)).for_each(|_| text.push_str(random.pick(YAML_FRAGMENTS)));
        return text.into_bytes();
    }
    for _ in 0..1 + random.below(3) {
        text.push_str(random.pick(&["\nk: ", "\nv:\n- ", "\n? ", "\nf: [", "\nw: !!", "\n", "\nq: \"", "\nb: >\n  "]));
        (0..1 + random.below(2)).for_each(|_| text.push_str(random.pick(YAML_FRAGMENTS)));
        text.push_str(random.pick(&["", "", "]", "\"", " x"]));
    }
    text.into_bytes()
}

/// One mapping whose keys are mostly numbers, some of them equal and some of them NaN.
fn odd_keys(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&str] = &[
        "0",
        "1",
        "1.0",
        "true",
        "false",
        "0.0",
        "-0.0",
        "-1",
        "2",
        "1.5",
        "1e5",
        ".inf",
        "-.inf",
        ".nan",
        "-.nan",
        "!!float nan",
        "!!float -nan",
        "&n !!float nan",
        "9007199254740993",
        "9007199254740992.0",
        "123456789012345678901234567890",
        "1.0e+30",
        "0x10",
        "16",
        "1:30",
        "90.0",
        "yes",
        "-5",
        "3",
        "4",
        "5.5",
        "7",
        "10",
        "100",
        "1_0",
        "010",
        "8",
    ];
    let mut text = "m:\n".to_owned();
    for number in 0..1 + random.below(9) {
        text.push_str(&format!("  ? {}\n  : {number}\n", random.pick(KEYS)));
    }
    if random.below(6) == 0 {
        text.push_str(random.pick(&[
            "  ? x\n  : y\n",
            "  ? null\n",
            "  ? 2001-01-01\n",
            "  ? [a]\n",
            "  ? *n\n  : again\n",
        ]));
    }
    text.into_bytes()
}

/// Mappings that merge each other, themselves included, and share nodes.
fn merges(random: &mut Random) -> Vec<u8> {
    const MEMBERS: &[&str] = &[
        "<<: *A",
        "<<: [*A, *B]",
        "<<: [*B, *A, *A]",
        "a: 1",
        "b: 2",
        "a: *A",
        "c: [*B]",
        "? &e =\n  : 1",
        "f: *e",
        "? &k <<\n  : *A",
        "g: *k",
        "<<: {a: 3, <<: *B}",
        "\"<<\": 4",
        "<<: x",
        "<<: []",
        "<<: [x]",
        "!!merge m: *A",
        "!!value v: 5",
        "h: !!set {a, <<: *B}",
        "i: !!omap [{a: *A}]",
        "j: !!str {=: x}",
        "l: !!int {=: 12, a: 1}",
        "1: x",
        "1.0: y",
    ];
    let names = ["p", "q", "r"];
    let mut text = String::new();
    for (defined, name) in names.iter().enumerate() {
        text.push_str(&format!("{name}: &{name}\n"));
        for _ in 0..1 + random.below(4) {
            let member = random.pick(MEMBERS).replace("*A", &format!("*{}", names[random.below(defined + 1)]));
            text.push_str(&format!("  {}\n", member.replace("*B", &format!("*{}", names[random.below(defined + 1)]))));
        }
    }
    text.into_bytes()
}

/// A scalar with an explicit tag, in quotes.
fn tagged(random: &mut Random) -> Vec<u8> {
    const TAGS: &[&str] = &["int", "float", "bool", "null", "str", "binary", "timestamp", "int", "float", "timestamp"];
    const PARTS: &[&str] = &[
        "0",
        "1",
        "12",
        "59",
        "60",
        "-",
        "+",
        "_",
        ".",
        ":",
        ":30",
        "0x",
        "0b",
        "0o",
        "0X1F",
        "ff",
        "e5",
        "E+5",
        "e-7",
        "inf",
        "Infinity",
        "nan",
        ".nan",
        ".inf",
        " ",
        "\\t",
        "\\n",
        "\\x1c",
        "\\u00a0",
        "\u{ff11}",
        "\u{0663}",
        "\u{1d7d8}",
        "yes",
        "Off",
        "TRUE",
        "2001",
        "-01",
        "-1",
        "-02-30",
        "2001-01-01",
        "T",
        "t",
        "1:2:3",
        "01:02:03",
        ".123456789",
        "Z",
        "+1",
        "-23:59",
        "+24:00",
        "aGk",
        "=",
        "==",
        "\u{e9}",
    ];
    let tag = if random.below(5) == 0 { "! " } else { "!!" };
    let kind = if tag == "! " { "" } else { random.pick(TAGS) };
    let mut text = format!("v: {tag}{kind} \"");
    (0..random.below(6)).for_each(|_| text.push_str(random.pick(PARTS)));
    text.push_str("\"\n");
    text.into_bytes()
}

fn mutated(recorded: &[Vec<u8>], fragments: &[&str], random: &mut Random) -> Vec<u8> {
    let mut document = recorded[random.below(recorded.len())].clone();
    for _ in 0..1 + random.below(3).min(random.below(3)) {
        let at = random.below(document.len() + 1);
        let end = (at + random.below(12)).min(document.len());
        match random.below(8) {
            0 => drop(document.drain(at..end)),
            1 => {
                let part = document[at..end].to_vec();
                let to = random.below(document.len() + 1);
                document.splice(to..to, part);
            }
            2 => {
                let other = &recorded[random.below(recorded.len())];
                let cut = random.below(other.len() + 1);
                document.truncate(at);
                document.extend_from_slice(&other[cut..]);
            }
            3 if at < document.len() => document[at] = random.below(256) as u8,
            4 => drop(document.splice(at..end, random.pick(fragments).bytes())),
            _ => drop(document.splice(at..at, random.pick(fragments).bytes())),
        }
    }
    document
}
