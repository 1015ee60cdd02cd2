//! The tree of commands, as data: what there is, below what, and what is said of each.

use std::collections::BTreeMap;

use aisoc_platform::{CommandView, Identity, Risk};

/// What is said of one command, or of a group of them. An empty word says nothing, and what nobody says is inherited
/// from the group above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The word that is typed.
    pub name: String,
    /// The most harm that it can do, as it was written.
    pub risk: String,
    /// What it is about.
    pub domain: String,
    /// For whom it is, with commas between.
    pub identities: String,
    /// What else it is annotated with.
    pub annotations: BTreeMap<String, String>,
    /// The paths of commands that it does the work of, and that it cannot be given without.
    pub does: Vec<String>,
    /// Whether it does something itself; a group has only commands below it, and some have both.
    pub is_runnable: bool,
}

/// A command of a [`CommandTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(usize);

impl CommandId {
    /// Its place among all of the tree.
    pub(crate) const fn index(self) -> usize {
        self.0
    }
}

/// All commands of a program.
#[derive(Debug, Clone)]
pub struct CommandTree {
    nodes: Vec<Node>,
    /// Other paths by which a command is typed.
    others: BTreeMap<String, CommandId>,
}

#[derive(Debug, Clone)]
struct Node {
    command: Command,
    path: String,
    parent: Option<CommandId>,
    children: Vec<CommandId>,
}

impl CommandTree {
    /// A tree of the program alone, whose own name stands in no path.
    pub fn new(program: Command) -> Self {
        let root = Node { command: program, path: String::new(), parent: None, children: Vec::new() };
        Self { nodes: vec![root], others: BTreeMap::new() }
    }

    /// The program.
    pub const fn root(&self) -> CommandId {
        CommandId(0)
    }

    /// Adds a command below another.
    pub fn add(&mut self, parent: CommandId, command: Command) -> CommandId {
        let id = CommandId(self.nodes.len());
        let above = &self.nodes[parent.0].path;
        let path = if above.is_empty() { command.name.clone() } else { format!("{above}/{}", command.name) };
        self.nodes[parent.0].children.push(id);
        self.nodes.push(Node { command, path, parent: Some(parent), children: Vec::new() });
        id
    }

    /// Every command, each behind the group that it stands in.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = CommandId> + ExactSizeIterator + use<> {
        (0..self.nodes.len()).map(CommandId)
    }

    /// The command of a path such as `plugin/sign`.
    pub fn find(&self, path: &str) -> Option<CommandId> {
        self.nodes.iter().position(|node| node.path == path).map(CommandId)
    }

    /// Says by which path a command is typed as well. What is typed that way is that command, for policies too.
    pub fn also(&mut self, path: &str, id: CommandId) {
        self.others.insert(path.to_owned(), id);
    }

    /// The command of which words are typed, and how many of them are its own. What follows is its arguments, or names no
    /// command.
    pub fn typed(&self, words: &[&str]) -> (CommandId, usize) {
        let (mut found, mut path) = ((self.root(), 0), String::new());
        for (at, word) in words.iter().enumerate() {
            path = if path.is_empty() { (*word).to_owned() } else { format!("{path}/{word}") };
            let Some(id) = self.find(&path).or_else(|| self.others.get(&path).copied()) else { break };
            // What is below a command has one path, whichever way led there.
            (found, path) = ((id, at + 1), self.path(id).to_owned());
        }
        found
    }

    /// The commands directly below.
    pub fn children(&self, id: CommandId) -> &[CommandId] {
        &self.nodes[id.0].children
    }

    /// Other paths by which it is typed.
    pub fn others(&self, id: CommandId) -> impl Iterator<Item = &str> {
        self.others.iter().filter(move |(_, other)| **other == id).map(|(path, _)| path.as_str())
    }

    /// The commands that it does the work of.
    pub fn does(&self, id: CommandId) -> impl Iterator<Item = CommandId> + '_ {
        self.nodes[id.0].command.does.iter().filter_map(|path| self.find(path))
    }

    /// Whether it does something itself.
    pub fn is_runnable(&self, id: CommandId) -> bool {
        self.nodes[id.0].command.is_runnable
    }

    /// Its path.
    pub fn path(&self, id: CommandId) -> &str {
        &self.nodes[id.0].path
    }

    /// What plugins and policies see of it.
    pub fn view(&self, id: CommandId) -> impl CommandView + '_ {
        View { tree: self, id, raised: None }
    }

    /// What plugins and policies see of it as it is given.
    pub fn view_given(&self, given: &Given) -> impl CommandView + '_ {
        View { tree: self, id: given.id, raised: given.raised.clone() }
    }
}

/// A command as it is given: what is typed behind it may make more of it than it is by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The command.
    pub id: CommandId,
    /// The harm that it can do as it is typed, where that is more than without its options.
    pub raised: Option<Risk>,
    /// Other commands that it does the work of with the options that were typed.
    pub does: Vec<CommandId>,
}

impl Given {
    /// A command by itself.
    pub const fn plainly(id: CommandId) -> Self {
        Self { id, raised: None, does: Vec::new() }
    }
}

struct View<'tree> {
    tree: &'tree CommandTree,
    id: CommandId,
    raised: Option<Risk>,
}

impl View<'_> {
    /// What the command says, or the nearest group above it that says something.
    fn nearest(&self, says: impl Fn(&Command) -> &str) -> Option<&str> {
        let mut next = Some(self.id);
        while let Some(id) = next {
            let node = &self.tree.nodes[id.0];
            match says(&node.command) {
                "" => next = node.parent,
                word => return Some(word),
            }
        }
        None
    }
}

impl CommandView for View<'_> {
    fn path(&self) -> String {
        self.tree.path(self.id).to_owned()
    }

    fn domain(&self) -> String {
        self.nearest(|command| &command.domain).unwrap_or_default().to_owned()
    }

    fn risk(&self) -> Option<Risk> {
        self.raised.clone().or_else(|| self.nearest(|command| &command.risk).map(Risk::from))
    }

    fn identities(&self) -> Option<Vec<Identity>> {
        // Commas alone say nothing.
        let words = self.nearest(|command| command.identities.trim_matches([',', ' ']))?.split(',').map(str::trim);
        Some(words.filter(|word| !word.is_empty()).map(Identity::from).collect())
    }

    fn annotation(&self, key: &str) -> Option<String> {
        self.tree.nodes[self.id.0].command.annotations.get(key).filter(|value| !value.is_empty()).cloned()
    }
}
