//! `Order`: what a shim is told, and the Python that it starts by that.
#![expect(clippy::disallowed_methods, reason = "its room: the Python that a plugin runs in")]

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::nobody::NOBODY;
use crate::sandbox::{Layer, Layers, View};

/// What Python runs of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Script {
    /// Holds one plugin.
    Serve,
    /// Loads a plugin's directory.
    Load,
    /// Imports an entry point and holds it to its contract.
    Contract,
    /// Says what there has to be of the Python.
    Interpreter,
    /// None: what is said of the confinement is all.
    Nothing,
}

impl Script {
    /// Whether it is compiled once: what is started again and again, and begins before anything of another one runs, as a line
    /// of a `.pth` file would.
    pub(crate) fn is_compiled_once(self) -> bool {
        matches!(self, Self::Serve | Self::Contract)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Serve => {
                concat!(
                    include_str!("../context.py"),
                    include_str!("../outbound.py"),
                    include_str!("../asking.py"),
                    include_str!("../stigmem.py"),
                    include_str!("../hooks.py"),
                    include_str!("../serve.py")
                )
            }
            Self::Load => {
                concat!(include_str!("../context.py"), include_str!("../child.py"), include_str!("../load.py"))
            }
            Self::Contract => {
                concat!(
                    include_str!("../context.py"),
                    include_str!("../child.py"),
                    include_str!("../stigmem.py"),
                    include_str!("../contract.py")
                )
            }
            Self::Interpreter => concat!(include_str!("../child.py"), include_str!("../interpreter.py")),
            Self::Nothing => "",
        }
    }

    /// Of Python: isolated (no user site, no PYTHON* variables, no current directory on the path), no bytecode beside the
    /// sources, UTF-8 whatever the locale; without `site`, whose `.pth` files run code, where only what is named is imported.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Serve | Self::Contract | Self::Interpreter => &["-I", "-B", "-X", "utf8", "-S"],
            Self::Load | Self::Nothing => &["-I", "-B", "-X", "utf8"],
        }
    }
}

/// How this program is started to be the shim: see [`crate::attend`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShimProgram {
    /// This program.
    pub program: PathBuf,
    /// What stands before the order.
    pub arguments: Vec<OsString>,
}

/// What a plugin may take at most. What it may not take, it gets an error of Python for, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of addresses, which is more than the memory that is used.
    pub address_bytes: u64,
    /// Bytes of memory that is written.
    pub data_bytes: u64,
    /// Bytes of memory that all of its processes have together, where it has a control group of its own.
    pub memory_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Descriptors that are open at once.
    pub descriptors: u64,
    /// Processes and threads: its own where it has namespaces, else beside those that its user has already.
    pub tasks: u64,
}

impl Bounds {
    /// What every plugin may take.
    pub const fn of_a_plugin() -> Self {
        Self {
            address_bytes: 4 << 30,
            data_bytes: 1 << 30,
            memory_bytes: (1 << 30) + (256 << 20),
            file_bytes: 64 << 20,
            descriptors: 256,
            tasks: 64,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of_a_plugin()
    }
}

/// What a shim is told: by its one argument, as JSON. Nothing in it is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// How the supervisor starts the first process.
    pub(crate) shim: ShimProgram,
    pub(crate) python: OsString,
    pub(crate) script: Script,
    /// What Python begins with in the place of that, where it was compiled.
    pub(crate) beginning: Option<String>,
    /// Of the script.
    pub(crate) arguments: Vec<PathBuf>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Where Python's home is, when it is nobody.
    pub(crate) home: PathBuf,
    pub(crate) bounds: Bounds,
    /// The control group that it enters before anything else, where it has one.
    pub(crate) group: Option<PathBuf>,
    /// Whether all processes of its user are counted before it starts, although it has namespaces: it could not be started
    /// otherwise.
    pub(crate) is_counted: bool,
    /// Whether Python runs as nobody, because whoever starts it is root.
    pub(crate) is_lowered: bool,
    /// Nothing where it is not confined.
    pub(crate) confinement: Option<Confinement>,
}

/// How a plugin is to be confined.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confinement {
    /// Whether nothing runs without all of it.
    pub(crate) is_required: bool,
    pub(crate) view: View,
    /// What the supervisor has made of the namespaces: with that it is an order for the first process in them.
    pub(crate) namespaces: Option<Layer>,
    /// Whether that is to enter a user namespace as well, in which what it starts is counted alone.
    pub(crate) is_alone: bool,
}

/// What is said of a confinement before a plugin begins, on its channel: nothing that a plugin writes comes before it.
pub(crate) const CONFINED: u64 = 0;

/// The same.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    pub(crate) layers: Layers,
    /// Whether Python is started now.
    pub(crate) goes_on: bool,
}

/// Python with a script of ours.
pub(super) fn python(order: &Order) -> Command {
    let mut command = Command::new(&order.python);
    command
        .args(order.script.options())
        .args(["-c", order.beginning.as_deref().unwrap_or(order.script.text())])
        .args(&order.arguments)
        .env_clear()
        .envs(order.variables.iter().map(|(name, value)| (name, value)))
        .current_dir("/");
    if order.is_lowered {
        command.uid(NOBODY).gid(NOBODY).env("HOME", &order.home);
    }
    command
}

/// This program once more, with an order of its own.
pub(super) fn again(order: &Order) -> io::Result<Command> {
    let mut command = Command::new(&order.shim.program);
    command.args(&order.shim.arguments).arg(serde_json::to_string(order)?).env_clear();
    Ok(command)
}
