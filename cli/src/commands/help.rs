//! `aisoc help`: the manual, from the same files that stand in `docs/`.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::ManualPage;

use super::suggestion::{meant_command, nearest};
use crate::args::HelpArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

/// The written pages. Four more are generated: `commands`, `reasons`, `exit-codes` and `environment`.
const PAGES: &[(&str, &str, &str)] = &[
    ("plugin-yaml", "the manifest: every field, and who requires it", include_str!("../../../docs/plugin-yaml.md")),
    ("signing-format", "what exactly is signed", include_str!("../../../docs/signing-format.md")),
    (
        "signing-keys",
        "where a private key may be: files, agents, tokens, programs",
        include_str!("../../../docs/signing-keys.md"),
    ),
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
    (
        "registry",
        "how a registry is served to a team: users, rights, TLS, logs",
        include_str!("../../../docs/registry.md"),
    ),
    ("air-gap", "to machines that reach no registry, as one file", include_str!("../../../docs/air-gap.md")),
    (
        "attestations",
        "what is in a plugin, and where it is from: SBOM and provenance",
        include_str!("../../../docs/attestations.md"),
    ),
    ("limits", "how much is read of everything, and what each limit stops", include_str!("../../../docs/limits.md")),
    (
        "install",
        "what is where on disk, hosts and containers, transaction, rollback, file systems",
        include_str!("../../../docs/install.md"),
    ),
    (
        "discovery",
        "where plugins are looked for, what identifies each, how entry points are checked",
        include_str!("../../../docs/discovery.md"),
    ),
    ("host", "what `serve` holds, its API, states, what runs and as whom", include_str!("../../../docs/host.md")),
    ("handles", "what plugins get of their host while they are called", include_str!("../../../docs/handles.md")),
    (
        "hooks",
        "at which points plugins of Stigmem are called, and what their answers come to",
        include_str!("../../../docs/hooks.md"),
    ),
    (
        "policy",
        "which commands may be given, by whom, and how a policy is tested",
        include_str!("../../../docs/policy.md"),
    ),
    ("trust", "who is trusted, what each mode does, what is promised", include_str!("../../../docs/trust.md")),
    (
        "threat-model",
        "who attacks, with what, which line stops it, and what is not stopped",
        include_str!("../../../docs/threat-model.md"),
    ),
    (
        "keys",
        "the trusted keys for those who rotate them, and what depends on each",
        include_str!("../../../docs/keys.md"),
    ),
    (
        "lock",
        "what this site has accepted: plugins.lock, drift, trust and untrust",
        include_str!("../../../docs/lock.md"),
    ),
    ("fleet", "one accepted set for many hosts: lock push, lock pull", include_str!("../../../docs/fleet.md")),
    (
        "journal",
        "what was done to keys and trust, by whom and why, and what proves it",
        include_str!("../../../docs/journal.md"),
    ),
    (
        "extend",
        "a fork in five minutes: what is compiled into aisoc looks on, asks first and restricts",
        include_str!("../../../docs/extend.md"),
    ),
    ("performance", "measured beside the peers", include_str!("../../../docs/performance.md")),
    (
        "packages",
        "which packages of others are used, replaced or not yet needed, and why",
        include_str!("../../../docs/packages.md"),
    ),
];

pub(crate) fn run(args: HelpArgs, context: &Context) -> Result<u8> {
    let topic = match args.topic.as_slice() {
        [] => return answer("help", overview(context), context),
        [topic] => topic.as_str(),
        words => return command_help(words, context),
    };
    let text = match topic {
        "commands" => super::docs::commands_page(context.commands),
        "reasons" => super::reasons::page(),
        "exit-codes" => super::exit_codes::page(),
        "environment" => super::settings::page(),
        _ => match PAGES.iter().find(|(name, ..)| *name == topic) {
            Some((_, _, text)) => (*text).to_owned(),
            None => return command_help(std::slice::from_ref(&args.topic[0]), context),
        },
    };
    answer(topic, text, context)
}

impl Answer for ManualPage {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn form(&self) -> Form {
        Form::Exact
    }
}

fn answer(name: &str, text: String, context: &Context) -> Result<u8> {
    context.output.answer(&ManualPage { name: name.to_owned(), text })
}

fn overview(context: &Context) -> String {
    let mut text = context.parser().render_long_help().to_string();
    text.push_str("\nManual pages (aisoc help TOPIC):\n");
    for (name, about, _) in PAGES {
        text.push_str(&format!("  {name:<16} {about}\n"));
    }
    text.push_str("  commands         every command and option\n  reasons          every error[code] and warning[code]\n  exit-codes       what each exit code says\n  environment      every variable that aisoc goes by, and what counts without it\n");
    text
}

fn command_help(words: &[String], context: &Context) -> Result<u8> {
    let mut command = context.parser();
    command.build();
    let mut name = Vec::new();
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            return Err(nothing_of(words, context));
        };
        command = found.clone();
        name.push(command.get_name().to_owned());
    }
    let name = name.join(" ");
    let text = command.bin_name(format!("aisoc {name}")).render_long_help().to_string();
    answer(&name, text, context)
}

/// The names of the pages.
pub(super) fn names() -> Vec<&'static str> {
    PAGES.iter().map(|(name, ..)| *name).chain(["commands", "reasons", "exit-codes", "environment"]).collect()
}

fn nothing_of(words: &[String], context: &Context) -> Fault {
    let page = || nearest(words.first()?, names()).filter(|_| words.len() == 1).map(str::to_owned);
    let meant = meant_command(context.commands, words).map(|command| command.join(" ")).or_else(page);
    let hint = meant
        .map_or("see the pages with `aisoc help`".to_owned(), |meant| format!("did you mean `aisoc help {meant}`?"));
    Fault::new(Reason::Usage, format!("there is no page or command `{}`", shown(&words.join(" "), 80))).hint(hint)
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::capability::{Capability, Impact};

    #[test]
    fn the_page_about_trust_says_what_every_capability_permits() {
        let page = include_str!("../../../docs/trust.md");
        for capability in Capability::ALL {
            let (first, rest) = capability.meaning().trim_end_matches('.').split_at(1);
            let impact = match capability.impact() {
                Impact::None => "",
                impact => impact.as_str(),
            };
            let (accessor, guidance) = (capability.accessor(), capability.guidance());
            let meaning = format!("{}{rest}", first.to_lowercase());
            let row = format!("| `{capability}` | `{accessor}()` | {impact} | {meaning} | {guidance} |\n");
            assert!(page.contains(&row), "{row}");
        }
    }
}
