//! What the tests of dispatch are made of: plugins that do as they are told, and a small tree of commands.
#![allow(dead_code, reason = "each test uses some of it")]

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aisoc_dispatch::{Command, CommandTree, Denial, Dispatch, Hooks, Plugins, Refusal, dispatch, install_all};
use aisoc_platform::{Capabilities, CommandView, Ctx, FailurePolicy, Handler, Plugin, Registrar, Result};

type Installs = Box<dyn Fn(&mut dyn Registrar) -> Result + Send + Sync>;

/// A plugin without the builder's care.
pub(crate) struct Raw {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) capabilities: Capabilities,
    pub(crate) panics_at: &'static str,
    pub(crate) installs: Installs,
}

impl Raw {
    pub(crate) fn new(name: &'static str) -> Self {
        let installs: Installs = Box::new(|_| Ok(()));
        Self { name, version: "1.0.0", capabilities: Capabilities::default(), panics_at: "", installs }
    }

    pub(crate) fn closed(mut self) -> Self {
        self.capabilities.failure_policy = FailurePolicy::FailClosed;
        self
    }

    pub(crate) fn restricts(mut self) -> Self {
        self.capabilities.restricts = true;
        self.closed()
    }

    pub(crate) fn requires(mut self, version: &str) -> Self {
        self.capabilities.required_cli_version = version.to_owned();
        self
    }

    pub(crate) fn panics_at(mut self, method: &'static str) -> Self {
        self.panics_at = method;
        self
    }

    pub(crate) fn installs(mut self, installs: impl Fn(&mut dyn Registrar) -> Result + Send + Sync + 'static) -> Self {
        self.installs = Box::new(installs);
        self
    }

    fn reach(&self, method: &str) {
        assert!(self.panics_at != method, "on purpose");
    }
}

impl Plugin for Raw {
    fn name(&self) -> &str {
        self.reach("name");
        self.name
    }

    fn version(&self) -> &str {
        self.reach("version");
        self.version
    }

    fn capabilities(&self) -> Capabilities {
        self.reach("capabilities");
        self.capabilities.clone()
    }

    fn install(&self, registrar: &mut dyn Registrar) -> Result {
        self.reach("install");
        (self.installs)(registrar)
    }
}

/// Installs these for version 1.2.3, and gives what was warned of.
pub(crate) fn install(plugins: impl IntoIterator<Item = Arc<dyn Plugin>>) -> (Result<Plugins, Refusal>, Vec<String>) {
    let (plugins, mut warned) = (plugins.into_iter().collect::<Vec<_>>(), Vec::new());
    let installed = install_all(&plugins, "1.2.3", &mut |_, line| warned.push(line));
    (installed, warned)
}

/// Installs plugins that a builder has made.
pub(crate) fn installed(builders: impl IntoIterator<Item = aisoc_platform::Builder>) -> Plugins {
    let plugins = builders.into_iter().map(|builder| Arc::new(builder.must_build()) as Arc<dyn Plugin>);
    let (installed, warned) = install(plugins);
    assert_eq!(warned, Vec::<String>::new());
    installed.expect("all of them are installed")
}

/// Lines that hooks write, in the order in which they are called.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("nobody panics here").push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics here").clone()
    }
}

/// A leaf of that risk.
pub(crate) fn leaf(name: &str, risk: &str) -> Command {
    Command { name: name.into(), risk: risk.into(), is_runnable: true, ..Command::default() }
}

pub(crate) fn group(name: &str, domain: &str) -> Command {
    Command { name: name.into(), domain: domain.into(), ..Command::default() }
}

/// `plugin/{sign,verify}`, `keys/{list,revoke}` with `keys/journal`, which is both, and `config/{policy,plugins}/show`.
pub(crate) fn tree() -> CommandTree {
    let mut tree = CommandTree::new(group("aisoc", ""));
    let root = tree.root();
    let plugin = tree.add(root, group("plugin", "author"));
    tree.add(plugin, Command { identities: "user".into(), ..leaf("sign", "write") });
    tree.add(plugin, Command { domain: "artifact".into(), identities: "user, bot".into(), ..leaf("verify", "read") });
    let keys = tree.add(root, group("keys", "keys"));
    tree.add(keys, leaf("list", "read"));
    tree.add(keys, leaf("revoke", "high-risk-write"));
    let journal = tree.add(keys, leaf("journal", "read"));
    tree.add(journal, leaf("verify", ""));
    let config = tree.add(root, Command { risk: "read".into(), ..group("config", "manual") });
    for name in ["policy", "plugins"] {
        let group = tree.add(config, group(name, ""));
        tree.add(group, leaf("show", ""));
    }
    tree
}

/// Gives one command, and what was warned of.
pub(crate) fn give(hooks: &Hooks, path: &str, denial: Option<&Denial>, run: Handler) -> (Result, Vec<String>) {
    let (tree, mut warned) = (tree(), Vec::new());
    let view = tree.view(tree.find(path).expect("a command"));
    let arguments = vec!["one".to_owned(), "two".to_owned()];
    let given = Dispatch { command: &view as &dyn CommandView, arguments, denial, started: SystemTime::UNIX_EPOCH };
    let result = dispatch(hooks, given, &Ctx::background(), run, &mut |_, line| warned.push(line));
    (result, warned)
}
