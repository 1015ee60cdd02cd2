//! `aisoc help`: the manual, from the same files that stand in `docs/`.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

use super::suggestion::{meant_command, nearest};
use crate::args::HelpArgs;
use crate::context::Context;
use crate::output;

/// The written pages. Three more are generated: `commands`, `reasons` and `exit-codes`.
const PAGES: &[(&str, &str, &str)] = &[
    ("plugin-yaml", "the manifest: every field, and who requires it", include_str!("../../../docs/plugin-yaml.md")),
    ("signing-format", "what exactly is signed", include_str!("../../../docs/signing-format.md")),
    (
        "artifact-format",
        "what is in the registry, what is read, references",
        include_str!("../../../docs/artifact-format.md"),
    ),
    (
        "registries",
        "what is made of every kind of answer, what is tried again, where a registry may lead",
        include_str!("../../../docs/registries.md"),
    ),
    (
        "credentials",
        "which login is sent to a registry, and where it is looked for",
        include_str!("../../../docs/credentials.md"),
    ),
    ("air-gap", "to machines that reach no registry, as one file", include_str!("../../../docs/air-gap.md")),
    ("limits", "how much is read of everything, and what each limit stops", include_str!("../../../docs/limits.md")),
    (
        "install",
        "what is where on disk, hosts and containers, transaction, rollback, file systems",
        include_str!("../../../docs/install.md"),
    ),
    ("trust", "who is trusted, what each mode does, what is promised", include_str!("../../../docs/trust.md")),
    ("performance", "measured beside the peers", include_str!("../../../docs/performance.md")),
    (
        "packages",
        "which packages of others are used, replaced or not yet needed, and why",
        include_str!("../../../docs/packages.md"),
    ),
];

pub(crate) fn run(args: HelpArgs, context: &Context) -> Result<u8> {
    let topic = match args.topic.as_slice() {
        [] => return output::print(&overview(context)).map(|()| 0),
        [topic] => topic.as_str(),
        words => return command_help(words, context),
    };
    let text = match topic {
        "commands" => super::docs::commands_page(context.commands),
        "reasons" => super::reasons::page(),
        "exit-codes" => super::exit_codes::page(),
        _ => match PAGES.iter().find(|(name, ..)| *name == topic) {
            Some((_, _, text)) => (*text).to_owned(),
            None => return command_help(std::slice::from_ref(&args.topic[0]), context),
        },
    };
    output::print(&text).map(|()| 0)
}

fn overview(context: &Context) -> String {
    let mut text = (context.commands.parser)().render_long_help().to_string();
    text.push_str("\nManual pages (aisoc help TOPIC):\n");
    for (name, about, _) in PAGES {
        text.push_str(&format!("  {name:<16} {about}\n"));
    }
    text.push_str("  commands         every command and option\n  reasons          every error[code] and warning[code]\n  exit-codes       what each exit code says\n");
    text
}

fn command_help(words: &[String], context: &Context) -> Result<u8> {
    let mut command = (context.commands.parser)();
    command.build();
    let mut path = String::from("aisoc");
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            return Err(nothing_of(words, context));
        };
        command = found.clone();
        path = format!("{path} {}", command.get_name());
    }
    output::print(&command.bin_name(path).render_long_help().to_string()).map(|()| 0)
}

fn nothing_of(words: &[String], context: &Context) -> Fault {
    let pages = PAGES.iter().map(|(name, ..)| *name).chain(["commands", "reasons", "exit-codes"]);
    let page = || nearest(words.first()?, pages).filter(|_| words.len() == 1).map(str::to_owned);
    let meant = meant_command(context.commands, words).map(|command| command.join(" ")).or_else(page);
    let hint = meant
        .map_or("see the pages with `aisoc help`".to_owned(), |meant| format!("did you mean `aisoc help {meant}`?"));
    Fault::new(Reason::Usage, format!("there is no page or command `{}`", shown(&words.join(" "), 80))).hint(hint)
}
