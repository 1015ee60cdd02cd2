//! The generated pages of the manual. CI writes them again and refuses a difference.

use std::fmt::Write as _;
use std::fs;

use aisoc_manifests::fault::{Fault, Result};
use clap::{Command, CommandFactory as _};

use crate::args::{Cli, DocsArgs};

pub(crate) fn run(args: &DocsArgs) -> Result<u8> {
    for (name, text) in [("commands.md", commands_page()), ("reasons.md", super::reasons::page())] {
        let path = args.write.join(name);
        fs::write(&path, text).map_err(|error| Fault::io("write", &path, error))?;
    }
    Ok(0)
}

/// `docs/commands.md`: the help of every command, as clap renders it.
pub(crate) fn commands_page() -> String {
    let mut page = String::from(
        "# Commands\n\nThe help of every command, generated from the argument definitions in `cli/src/args`. Every command\n\
         takes `--json` and `--quiet`.\n",
    );
    let mut root = Cli::command();
    root.build();
    append(&mut page, &root, "aisoc");
    page
}

fn append(page: &mut String, command: &Command, path: &str) {
    let help = command.clone().bin_name(path).term_width(100).render_long_help().to_string();
    let _ = write!(page, "\n## {path}\n\n```text\n");
    for line in help.trim_end().lines() {
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push_str("```\n");
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        append(page, subcommand, &format!("{path} {}", subcommand.get_name()));
    }
}
