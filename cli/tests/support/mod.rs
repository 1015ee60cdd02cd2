//! A bench for whole-process tests: a private directory, the real binary, a real registry.

#![allow(dead_code, reason = "every test file uses its own part of the bench")]

pub(crate) mod asking;
pub(crate) mod hooks;
pub(crate) mod host;
pub(crate) mod jobs;
pub(crate) mod pages;
pub(crate) mod proven;
pub(crate) mod shell;
pub(crate) mod signers;
pub(crate) mod terminal;
pub(crate) mod workspace;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::plugin::{Document, ManifestFile};
use aisoc_testkit::archive::{Entry, TarBuilder, gzip};

/// Exit code, stdout and stderr of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("it runs");
        Self {
            code: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// The one line that starts with `error[…]`, checked to be the only one.
    pub(crate) fn error_line(&self) -> &str {
        let mut lines = self.stderr.lines().filter(|line| line.starts_with("error["));
        let line = lines.next().unwrap_or_else(|| panic!("no error line: {self:?}"));
        assert!(lines.next().is_none(), "several error lines: {self:?}");
        line
    }

    /// Holds a refusal to its exit code, its reason code, and the presence of a hint.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, reason: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.error_line().starts_with(&format!("error[{reason}]: ")), "{self:?}");
        assert!(self.stderr.contains("\nhint: "), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

pub(crate) struct Bench {
    place: tempfile::TempDir,
    /// Whether its environment says to know what it means that nothing is verified.
    acknowledges_unsigned: AtomicBool,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { place: tempfile::tempdir().expect("a directory"), acknowledges_unsigned: AtomicBool::new(false) }
    }

    /// Says in the environment of every command from now on what mode `disabled` asks for.
    pub(crate) fn acknowledge_unsigned(&self) {
        self.acknowledges_unsigned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The binary with an environment of its own.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aisoc"));
        command.args(words).current_dir(self.place.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.place.path());
        if self.acknowledges_unsigned.load(Ordering::Relaxed) {
            command.env("AISOC_PLUGIN_UNSIGNED_ACK", "i-understand-plugins-are-unsigned");
        }
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Run {
        self.run_with(words, &[])
    }

    /// Runs the binary as a user who has nothing of the bench and may read it, or nothing where this is not root.
    pub(crate) fn as_nobody(&self) -> Option<impl Fn(&[&str]) -> Run> {
        self.as_nobody_with(&[])
    }

    /// As [`Bench::as_nobody`], with these variables.
    pub(crate) fn as_nobody_with(&self, variables: &[(&str, &str)]) -> Option<impl Fn(&[&str]) -> Run> {
        let program = self.path("aisoc");
        fs::copy(env!("CARGO_BIN_EXE_aisoc"), &program).expect("copied");
        for path in [&self.path(""), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
        }
        let is_root = fs::metadata("/proc/self").expect("proc").uid() == 0;
        is_root.then_some(move |words: &[&str]| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(words);
            Run::of(command.current_dir(self.path("")).env("HOME", self.path("")).envs(variables.iter().copied()))
        })
    }

    pub(crate) fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Run {
        Run::of(self.command(words).envs(variables.iter().copied()))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(&path, content).expect("written");
        if name.ends_with(".key") {
            // As whoever makes one leaves it.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        }
        path
    }

    /// Makes a directory what a killed command leaves: ours, private, and held by nobody.
    pub(crate) fn abandon(&self, name: &str) {
        self.write(&format!("{name}/{}", aisoc_files::MARKER), aisoc_files::MARKER_TEXT);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o700)).expect("mode");
    }

    /// A signed plugin `demo` in `demo/`, its key trusted in `keys/`, packed in `demo.tar`.
    pub(crate) fn published(&self) -> &Self {
        self.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
        self.run(&["plugin", "keygen", "--out", "release"]).ok();
        self.sign("demo").ok();
        self.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"]).ok();
        fs::create_dir(self.path("keys")).expect("made");
        fs::copy(self.path("release.pem"), self.path("keys/release.pem")).expect("copied");
        self
    }

    /// Packs a directory as `archive` the way an attacker would: with every file in it, and without asking
    /// anything about its signature.
    pub(crate) fn forge(&self, directory: &str, archive: &str) {
        let files = self.snapshot(directory);
        let manifest = &files[&self.path(directory).join("plugin.yaml")];
        let document = Document::read(ManifestFile::Yaml, manifest).expect("readable");
        let id = document.root().get("id").and_then(|id| id.as_str()).expect("an id").to_owned();
        let mut layer = TarBuilder::new();
        for (path, content) in files.into_iter().filter(|(path, _)| path.is_file()) {
            let name = path.strip_prefix(self.path(directory)).expect("below").display().to_string();
            let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
            layer = layer.entry(&Entry { mode, ..Entry::file(&format!("{id}/{name}"), content) });
        }
        self.write(archive, oci_archive(&id, gzip(&layer.end())));
    }

    pub(crate) fn sign(&self, directory: &str) -> Run {
        self.run(&["plugin", "sign", "--plugin-dir", directory, "--private-key", "release.key"])
    }

    /// That version of a plugin of the bench, signed by that key and by nobody else; made where there is none.
    pub(crate) fn signed_version(&self, id: &str, version: &str, key: &str) {
        if !self.path(id).exists() {
            self.run(&["plugin", "new", id, "--type", "enricher"]).ok();
        }
        let manifest = fs::read_to_string(self.path(id).join("plugin.yaml")).expect("there");
        let mut is_of_signature = false;
        let mut lines = Vec::new();
        for line in manifest.lines() {
            is_of_signature = line.starts_with("integrity:") || is_of_signature && line.starts_with(' ');
            match line.starts_with("version:") {
                _ if is_of_signature => {}
                true => lines.push(format!("version: \"{version}\"")),
                false => lines.push(line.to_owned()),
            }
        }
        self.write(&format!("{id}/plugin.yaml"), lines.join("\n") + "\n");
        let _ = fs::remove_file(self.path(id).join("plugin.sig"));
        let _ = fs::remove_dir_all(self.path(id).join("plugin.sig.d"));
        self.run(&["plugin", "sign", id, "--private-key", key]).ok();
    }

    pub(crate) fn install(&self, reference: &str) -> Run {
        self.run(&["plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"])
    }

    /// As [`Bench::snapshot`], without what a host writes down of what it is asked for.
    pub(crate) fn snapshot_but_journal(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = self.snapshot(name);
        let is_ours = |path: &Path| path.components().any(|part| part.as_os_str() == ".aisoc");
        let is_journal = |path: &Path| path.display().to_string().contains("/plugins.journal");
        // The directories there are made with the first line.
        found.retain(|path, content| !is_ours(path) || !is_journal(path) && !content.is_empty());
        found
    }

    /// Every path below a directory with its content: what "byte-identical" means.
    pub(crate) fn snapshot(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.path(name)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if [".aisoc/write.lock", ".aisoc/last-seen", ".aisoc/in-use"].iter().any(|ours| path.ends_with(ours)) {
                    // Who held the lock last, and when; to find out that nothing is to be done takes it too. And what
                    // hosts run.
                    continue;
                }
                if path.is_dir() {
                    directories.push(path.clone());
                    found.insert(path, Vec::new());
                } else {
                    found.insert(path.clone(), fs::read(&path).expect("readable"));
                }
            }
        }
        found
    }

    /// Everything below the bench, with its time, size, mode and number.
    pub(crate) fn state(&self) -> BTreeMap<PathBuf, (i64, i64, u64, u32, u64)> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.path("")];
        while let Some(directory) = directories.pop() {
            let about = |path: &PathBuf| {
                let found = fs::symlink_metadata(path).expect("there");
                (found.mtime(), found.mtime_nsec(), found.len(), found.mode(), found.ino())
            };
            found.insert(directory.clone(), about(&directory));
            for entry in fs::read_dir(&directory).expect("listed") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => {
                        found.insert(path.clone(), about(&path));
                    }
                }
            }
        }
        found
    }

    /// `aisoc registry serve` on a free port.
    pub(crate) fn registry(&self) -> Registry {
        let mut command = self.command(&["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the registry starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address).expect("an address");
        Registry { child, address: address.trim().to_owned() }
    }
}

pub(crate) struct Registry {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An OCI layout of one plugin with that layer, as an archive.
fn oci_archive(id: &str, layer: Vec<u8>) -> Vec<u8> {
    let describe = |media_type: &str, content: &[u8]| serde_json::json!({ "mediaType": media_type, "digest": Digest::of(content), "size": content.len() });
    let config = b"{}".to_vec();
    let mut described = describe("application/vnd.aisoc.plugin.v1.tar+gzip", &layer);
    described["annotations"] =
        serde_json::json!({ "org.opencontainers.image.title": id, "io.deis.oras.content.unpack": "true" });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "artifactType": "application/vnd.aisoc.plugin.v1",
        "config": describe("application/vnd.aisoc.plugin.config.v1+json", &config),
        "layers": [described],
    });
    let manifest = manifest.to_string().into_bytes();
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [describe(media_type, &manifest)] });
    let archive = [config, layer, manifest].into_iter().fold(TarBuilder::new(), |archive, blob| {
        archive.entry(&Entry::file(&format!("blobs/sha256/{}", Digest::of(&blob).hex()), blob))
    });
    archive.file("index.json", &index.to_string()).file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#).end()
}

/// Copies a directory tree of plain files.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
