//! The generated pages of the manual. CI writes them again and refuses a difference.
#![expect(clippy::disallowed_methods, reason = "its room: generated pages are written over the old ones")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::ManualPages;
use clap::Command;

use super::declaration::{Commands, Declaration, HELP_COLUMNS, Risk};
use super::schema;
use crate::args::DocsArgs;
use crate::context::Context;

pub(crate) fn run(args: DocsArgs, context: &Context) -> Result<u8> {
    let mut paths = Vec::new();
    for (name, text) in [
        ("commands.md", commands_page(context.commands)),
        ("reasons.md", super::reasons::page()),
        ("exit-codes.md", super::exit_codes::page()),
        ("environment.md", super::settings::page()),
    ] {
        let path = args.write.join(name);
        write(&path, &text)?;
        paths.push(path.display().to_string());
    }
    let schemas = args.write.join("schemas");
    fs::create_dir_all(&schemas).map_err(|error| Fault::io("create", &schemas, error))?;
    for (name, text) in schema::all(context.commands) {
        let path = schemas.join(format!("{name}.json"));
        write(&path, &schema::pretty(&text))?;
        paths.push(path.display().to_string());
    }
    context.output.answer(&ManualPages { paths })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Fault::io("write", path, error))
}

/// `docs/commands.md`: the help of every command, as clap renders it.
pub(crate) fn commands_page(commands: Commands) -> String {
    let mut page = String::from(
        "# Commands\n\nThe help of every command, generated from the table in `cli/src/commands/table.rs`. Every command\n\
         takes `--json` and `--quiet`.\n\n\
         Before the help stands the most harm that a command can do. `read` changes nothing. `write` makes or changes\n\
         something. `high-risk-write` is there to destroy something, lowers what is checked or trusted, publishes what\n\
         looks like a secret, or runs a plugin's code. Options that make a command one are named. Where `Identities` stands, the\n\
         command is for these alone wherever a policy asks; `aisoc commands` lists all of it.\n",
    );
    let mut root = (commands.parser)();
    root.build();
    append(&mut page, &root, &[], commands);
    page
}

fn append(page: &mut String, command: &Command, words: &[&str], commands: Commands) {
    let path = [&["aisoc"], words].concat().join(" ");
    let help = command.clone().bin_name(&path).term_width(HELP_COLUMNS).render_long_help().to_string();
    let _ = write!(page, "\n## {path}\n\n");
    if let Some(declaration) = (commands.declaration)(words) {
        page.push_str(&risk(declaration));
    }
    page.push_str("```text\n");
    for line in help.trim_end().lines() {
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push_str("```\n");
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        append(page, subcommand, &[words, &[subcommand.get_name()]].concat(), commands);
    }
}

/// `Risk: write; high-risk-write with --force. Domain: author.`, and for whom it is when that is not everybody.
fn risk(declaration: &Declaration) -> String {
    let Declaration { risk, raised_by, domain, identities, .. } = declaration;
    let options: Vec<String> = raised_by.iter().map(|option| format!("`--{option}`")).collect();
    let raised = match options.is_empty() {
        true => String::new(),
        false => format!("; `{}` with {}", Risk::HighRiskWrite.as_str(), options.join(", ")),
    };
    let identities: Vec<String> = identities.iter().map(|identity| format!("`{identity}`")).collect();
    let only = if identities.is_empty() { String::new() } else { format!(" Identities: {}.", identities.join(", ")) };
    format!("Risk: `{}`{raised}. Domain: `{}`.{only}\n\n", risk.as_str(), domain.as_str())
}
