//! `aisoc commands`: what a policy can name.

use aisoc_dispatch::CommandTree;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{CommandList, ListedCommand};
use aisoc_platform::CommandView as _;

use super::columns::Columns;
use super::declaration::Declaration;
use super::tree::{path, tree};
use crate::args::CommandListArgs;
use crate::context::Context;
use crate::output::Answer;

const HEADING: [&str; 4] = ["COMMAND", "RISK", "DOMAIN", "IDENTITIES"];

impl Answer for CommandList {
    fn text(&self) -> String {
        let identities = |of: &ListedCommand| of.identities.as_ref().map_or("-".to_owned(), |names| names.join(","));
        let row =
            |of: &ListedCommand| vec![of.command_path.clone(), of.risk.clone(), of.domain.clone(), identities(of)];
        let rows: Vec<Vec<String>> = self.commands.iter().map(row).collect();
        let columns = Columns::of(&HEADING, &rows);
        let heading = columns.line(&HEADING);
        rows.iter().fold(heading, |text, row| text + &columns.line(row))
    }
}

pub(crate) fn run(CommandListArgs {}: CommandListArgs, context: &Context) -> Result<u8> {
    let tree = tree(context.commands);
    let commands = (context.commands.all)().map(|declaration| listed(&tree, declaration)).collect::<Result<_>>()?;
    context.output.answer(&CommandList { commands })
}

/// A command as the tree has it, which is what a policy goes by.
fn listed(tree: &CommandTree, declaration: &Declaration) -> Result<ListedCommand> {
    let Declaration { words, about, raised_by, is_hidden, .. } = *declaration;
    let path = path(words);
    let missing = || Fault::new(Reason::Internal, format!("the command `{path}` is not in the tree"));
    let view = tree.view(tree.find(&path).ok_or_else(missing)?);
    Ok(ListedCommand {
        command: words.join(" "),
        also: declaration.others().iter().map(|words| words.join(" ")).collect(),
        summary: about,
        risk: view.risk().map(|risk| risk.to_string()).unwrap_or_default(),
        raised_by: raised_by.iter().map(|option| format!("--{option}")).collect(),
        domain: view.domain(),
        identities: view.identities().map(|names| names.iter().map(ToString::to_string).collect()),
        is_hidden,
        command_path: view.path(),
    })
}
