//! `aisoc demo`: the main job as a user would run it, every step a process of its own.
#![expect(
    clippy::disallowed_methods,
    reason = "it runs this very program, on files that it has made in a directory of its own"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use aisoc_manifests::fault::{Fault, Reason, Result};
use anstyle::{AnsiColor, Style};

use crate::args::DemoArgs;
use crate::context::Context;
use crate::output::printable;
use crate::variables::{SETTINGS, Setting};

const PROMPT: Style = AnsiColor::Cyan.on_default().bold();
const NOTE: Style = Style::new().dimmed();

pub(crate) fn run(args: DemoArgs, context: &Context) -> Result<u8> {
    if context.output.json() {
        return Err(Fault::new(Reason::Usage, "the demo tells a story, which has no JSON")
            .hint("see it with `aisoc demo`; the commands that it runs have `--json`"));
    }
    let place = Place::make(args.keep)?;
    let demo = Demo { program: own_program()?, directory: place.path().to_owned() };
    let registry = RegistryProcess::start(&demo)?;
    demo.story(&registry.address)?;
    drop(registry);
    if let Place::Kept(path) = &place {
        demo.note(&format!(
            "everything is in {}; start the registry again with",
            printable(&path.display().to_string())
        ))?;
        demo.note("  aisoc registry serve --dir registry")?;
    }
    Ok(0)
}

/// Where the demo happens.
enum Place {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Place {
    fn make(keep: Option<PathBuf>) -> Result<Self> {
        let Some(path) = keep else {
            let directory = tempfile::Builder::new().prefix("aisoc-demo-").tempdir();
            return directory
                .map(Self::Temporary)
                .map_err(|error| Fault::io("create", &tempfile::env::temp_dir(), error));
        };
        fs::create_dir(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Fault::new(Reason::AlreadyExists, format!("`{}` exists", path.display()))
            }
            _ => Fault::io("create", &path, error),
        })?;
        let path = path.canonicalize().map_err(|error| Fault::io("find", &path, error))?;
        Ok(Self::Kept(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }
}

/// The registry as a child process, stopped when it is dropped.
struct RegistryProcess {
    child: Child,
    address: String,
}

impl RegistryProcess {
    fn start(demo: &Demo) -> Result<Self> {
        let words = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"];
        demo.prompt(&words, " &")?;
        let mut child = demo
            .command(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Fault::io("start", &demo.program, error))?;
        let mut address = String::new();
        if let Some(stdout) = child.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut address);
        }
        let registry = Self { child, address: address.trim().to_owned() };
        if registry.address.is_empty() {
            return Err(Fault::new(Reason::IoError, "the registry did not start")
                .hint("run `aisoc registry serve --listen 127.0.0.1:0` and read what it says"));
        }
        demo.say(&format!("{}\n", registry.address))?;
        Ok(registry)
    }
}

impl Drop for RegistryProcess {
    fn drop(&mut self) {
        // A child that has already gone is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Demo {
    program: PathBuf,
    directory: PathBuf,
}

impl Demo {
    fn story(&self, registry: &str) -> Result<()> {
        let repository = format!("{registry}/team/shodan");
        let reference = format!("{repository}:0.1.0");
        let trusted = ["--trusted-keys", "shodan.pem", "--plugins-dir", "plugins"];
        self.note("the author: a plugin, and a release of it, signed with a new key, under its version")?;
        self.expect(0, &["plugin", "new", "shodan", "--type", "enricher"])?;
        self.expect(0, &["plugin", "release", "shodan", &repository, "--new-key"])?;
        self.note("the operator: trusts the public half, installs in strict mode")?;
        self.expect(0, &[&["plugin", "install", &reference][..], &trusted].concat())?;

        self.expect(0, &[&["plugin", "list"][..], &trusted].concat())?;
        self.note("the same again is one request and changes nothing")?;
        self.expect(0, &[&["plugin", "install", &reference][..], &trusted].concat())?;

        self.note("somebody changes one line of what was published: nothing of that leaves the machine")?;
        self.expect(0, &["plugin", "pull", &reference, "--out", "tampered"])?;
        self.tamper()?;
        let tampered = format!("{repository}:0.1.1");
        self.expect(3, &["plugin", "push", "tampered", &tampered])?;
        self.note("each check, and the file that differs")?;
        self.expect(3, &["plugin", "verify", "tampered", "--trusted-keys", "shodan.pem", "--explain"])?;
        self.note("whoever publishes it without a signature says so, and nobody installs it")?;
        self.strip()?;
        self.expect(0, &["plugin", "push", "tampered", &tampered, "--unsigned"])?;
        self.expect(3, &[&["plugin", "install", &tampered][..], &trusted].concat())?;
        self.note("what was installed before is untouched")?;
        self.expect(0, &[&["plugins", "verify"][..], &trusted].concat())
    }

    fn tamper(&self) -> Result<()> {
        self.shell("echo 'import os' >> tampered/plugin.py")?;
        let plugin = self.directory.join("tampered/plugin.py");
        fs::OpenOptions::new()
            .append(true)
            .open(&plugin)
            .and_then(|mut file| file.write_all(b"import os\n"))
            .map_err(|error| Fault::io("append to", &plugin, error))
    }

    fn strip(&self) -> Result<()> {
        self.shell("rm -r tampered/plugin.sig tampered/plugin.sig.d")?;
        let plugin = self.directory.join("tampered");
        let removed =
            fs::remove_file(plugin.join("plugin.sig")).and_then(|()| fs::remove_dir_all(plugin.join("plugin.sig.d")));
        removed.map_err(|error| Fault::io("remove the signature of", &plugin, error))
    }

    /// Runs one command, shows it with its output, and holds it to its exit code.
    fn expect(&self, expected: i32, words: &[&str]) -> Result<()> {
        self.prompt(words, "")?;
        let Output { status, stdout, stderr } = self
            .command(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Fault::io("run", &self.program, error))?;
        self.say(&String::from_utf8_lossy(&stderr))?;
        self.say(&String::from_utf8_lossy(&stdout))?;
        if status.code() != Some(0) {
            self.note(&format!("exit code {}", status.code().map_or("none".to_owned(), |code| code.to_string())))?;
        }
        if status.code() == Some(expected) {
            return Ok(());
        }
        Err(Fault::new(Reason::Internal, format!("`aisoc {}` did not do what the demo shows", words.join(" ")))
            .expected(format!("exit code {expected}"), status.to_string()))
    }

    /// The same program in the demo's directory, without the settings of this machine.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.directory);
        for variable in SETTINGS.iter().flat_map(Setting::names) {
            command.env_remove(variable);
        }
        command
    }

    fn prompt(&self, words: &[&str], tail: &str) -> Result<()> {
        self.say(&format!("\n{PROMPT}$ aisoc {}{tail}{PROMPT:#}\n", words.join(" ")))
    }

    fn shell(&self, line: &str) -> Result<()> {
        self.say(&format!("\n{PROMPT}$ {line}{PROMPT:#}\n"))
    }

    fn note(&self, text: &str) -> Result<()> {
        self.say(&format!("\n{NOTE}# {text}{NOTE:#}\n"))
    }

    fn say(&self, text: &str) -> Result<()> {
        let failed = |error| Fault::io("write to", Path::new("standard output"), error);
        anstream::stdout().write_all(text.as_bytes()).map_err(failed)
    }
}

fn own_program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Fault::new(Reason::IoError, "cannot find the aisoc program").caused_by(error))
}
