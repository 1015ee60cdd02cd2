//! Where a private key is while a command runs, and where it is no more.

mod support;

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::Bench;

const PASSPHRASE: &str = "a passphrase that stands nowhere else";

/// A plugin and its key, and a registry that takes a connection and never answers.
struct Hanging {
    bench: Bench,
    listener: TcpListener,
}

impl Hanging {
    fn new() -> Self {
        let bench = Bench::new();
        bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
        bench.run(&["plugin", "keygen", "--out", "release"]).ok();
        Self { bench, listener: TcpListener::bind("127.0.0.1:0").expect("bound") }
    }

    fn pem(&self) -> String {
        fs::read_to_string(self.bench.path("release.key")).expect("a key")
    }

    /// The base64 of the key's DER, its seed, and the base64 of its text.
    fn secrets(&self) -> [Vec<u8>; 3] {
        let pem = self.pem();
        let body = pem.lines().nth(1).expect("a body").to_owned();
        let der = STANDARD.decode(&body).expect("base64");
        // The header is in the program too.
        [body.as_bytes()[24..].to_vec(), der[16..].to_vec(), STANDARD.encode(pem).as_bytes()[72..112].to_vec()]
    }

    /// The key as build systems keep it: each form is unwrapped into buffers of its own.
    fn wrapped(&self) -> [&'static str; 3] {
        let pem = self.pem();
        self.bench.write("escaped.key", pem.replace('\n', "\\n"));
        self.bench.write("encoded.key", STANDARD.encode(&pem));
        let wide = format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        self.bench.write("wide.key", wide);
        ["escaped.key", "encoded.key", "wide.key"]
    }

    /// The key behind a passphrase.
    fn locked(&self) -> &'static str {
        let key = aisoc_signing::SigningKey::from_pem(self.pem().as_bytes()).expect("a key");
        self.bench.write("locked.key", key.to_encrypted_pem(PASSPHRASE.as_bytes()).expect("encrypted").as_bytes());
        self.bench.write("passphrase.key", PASSPHRASE);
        "locked.key"
    }

    /// `release`, waiting for the registry.
    fn waiting(&self, source: &str) -> Child {
        let address = self.listener.local_addr().expect("an address");
        let reference = format!("{address}/team/demo:0.1.0");
        let words = ["plugin", "release", "--plugin-dir", "demo", "--private-key", source, &reference, "-q"];
        let mut command = self.bench.command(&words);
        if source == "locked.key" {
            command.args(["--passphrase", "file:passphrase.key"]);
        }
        if source == "-" {
            command.stdin(fs::File::open(self.bench.path("release.key")).expect("a key"));
        }
        let child = command.stderr(Stdio::null()).spawn().expect("starts");
        drop(self.listener.accept().map(|(stream, _)| stream.set_nodelay(true).map(|()| std::mem::forget(stream))));
        child
    }
}

/// How often that stands in the memory of a process that can be written.
fn copies(id: u32, secret: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).expect("maps");
    let mut memory = fs::File::open(format!("/proc/{id}/mem")).expect("memory");
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').expect("a range");
        let number = |text: &str| u64::from_str_radix(text, 16).expect("hexadecimal");
        let (start, end) = (number(start), number(rest.split(' ').next().expect("an end")));
        let mut content = vec![0; usize::try_from(end - start).expect("it fits")];
        memory.seek(SeekFrom::Start(start)).expect("sought");
        if memory.read_exact(&mut content).is_ok() {
            found += content.windows(secret.len()).filter(|window| *window == secret).count();
        }
    }
    found
}

#[test]
fn no_copy_of_the_private_key_is_left_while_a_release_is_pushed() {
    if fs::metadata("/proc/self").expect("proc").uid() != 0 {
        eprintln!("SKIPPED: only root reads another process's memory");
        return;
    }
    let hanging = Hanging::new();
    for source in ["release.key", "-", hanging.locked()].into_iter().chain(hanging.wrapped()) {
        let mut child = hanging.waiting(source);
        let secrets = hanging.secrets().into_iter().chain([PASSPHRASE.as_bytes().to_vec()]);
        let found: Vec<usize> = secrets.map(|secret| copies(child.id(), &secret)).collect();
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(found, [0, 0, 0, 0], "{source}: copies of the text, of the seed and of the passphrase");
    }
}

/// A key of P-256 is held as a number until it has signed; of the text that it was read from nothing is left by then.
#[test]
fn no_copy_of_the_text_of_a_key_of_p256_is_left_while_a_registry_is_asked() {
    let is_root = fs::metadata("/proc/self").expect("proc").uid() == 0;
    let hanging = Hanging::new();
    let genpkey = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p256.key"];
    let made = Command::new("openssl").args(genpkey).current_dir(hanging.bench.path("")).output();
    if !is_root || !made.is_ok_and(|made| made.status.success()) {
        eprintln!("SKIPPED: only root reads another process's memory, and OpenSSL makes the key");
        return;
    }
    let pem = fs::read_to_string(hanging.bench.path("p256.key")).expect("a key");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    // Behind the names of algorithm and curve: the number itself (RFC 5915, 3).
    let number = STANDARD.decode(&body).expect("base64")[36..68].to_vec();
    let reference = format!("{}/team/demo:1", hanging.listener.local_addr().expect("an address"));
    let words = ["plugin", "sign", &reference, "--cosign", "--private-key", "p256.key", "-q"];
    let mut child = hanging.bench.command(&words).stderr(Stdio::null()).spawn().expect("starts");
    let (_held, _) = hanging.listener.accept().expect("asked");
    let found = [body.as_bytes()[48..90].to_vec(), number].map(|secret| copies(child.id(), &secret));
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(found, [0, 0], "copies of the text and of the number in it");
}

#[test]
fn no_core_is_dumped_and_no_other_process_of_the_user_reads_memory() {
    let hanging = Hanging::new();
    let mut child = hanging.waiting("release.key");
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit").to_owned();
    let owner = fs::metadata(format!("/proc/{}/environ", child.id())).expect("there").uid();
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    assert_eq!(owner, 0, "the kernel gives what is not to be read to root");
}

#[test]
fn an_ordinary_user_makes_keys_signs_and_runs_the_demo() {
    let bench = Bench::new();
    let program = bench.path("aisoc");
    fs::copy(env!("CARGO_BIN_EXE_aisoc"), &program).expect("copied");
    for path in [bench.path(""), program.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("set");
    }
    let is_root = fs::metadata("/proc/self").expect("proc").uid() == 0;
    let run = |words: &[&str]| {
        let mut command = if is_root { Command::new("setpriv") } else { Command::new(&program) };
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        }
        let output =
            command.args(words).current_dir(bench.path("")).env("HOME", bench.path("")).output().expect("runs");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    run(&["plugin", "keygen", "--out", "release"]);
    run(&["plugin", "keygen", "--out", "release", "--force"]);
    run(&["plugin", "new", "demo", "--type", "enricher"]);
    run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"]);
    run(&["demo"]);
    let mode = fs::metadata(bench.path("release.key")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let drafts = fs::read_dir(bench.path(""))
        .expect("listed")
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"."));
    assert_eq!(drafts.count(), 0);
}
