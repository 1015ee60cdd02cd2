//! `aisoc config show`, and the page of the manual made from the same list.

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{SettingList, ShownSetting};

use super::columns::Columns;
use crate::args::ConfigShowArgs;
use crate::context::Context;
use crate::environment::Environment;
use crate::output::{Answer, printable};
use crate::variables::{About, Effective, OF_OTHERS, SETTINGS, Setting, Unset};

const HEADING: [&str; 3] = ["VARIABLE", "VALUE", "SOURCE"];

pub(crate) fn run(ConfigShowArgs {}: ConfigShowArgs, context: &Context) -> Result<u8> {
    let settings: Vec<_> = SETTINGS.iter().map(|setting| shown(setting, &context.environment)).collect();
    for ShownSetting { set_by, invalid, value, .. } in &settings {
        if let (Some(name), Some(why)) = (set_by, invalid) {
            let counting = value.as_ref().map_or(String::new(), |value| format!("; `{value}` counts"));
            context.output.warning(Warning::VariableInvalid, format!("invalid {name}: {why}{counting}"));
        }
    }
    context.output.answer(&SettingList { settings })
}

fn shown(setting: &Setting, environment: &Environment) -> ShownSetting {
    let Effective { variable, value, invalid } = setting.read(environment);
    ShownSetting {
        name: setting.name,
        other_names: setting.also.to_vec(),
        purpose: setting.purpose,
        default: setting.default_value(),
        value,
        source: if variable.is_some() { "environment" } else { "default" },
        set_by: variable,
        is_secret: setting.is_secret(),
        invalid,
    }
}

impl Answer for SettingList {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.settings.iter().map(row).collect();
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}

fn row(setting: &ShownSetting) -> Vec<String> {
    let ShownSetting { name, value, source, set_by, is_secret, invalid, .. } = setting;
    let value = match value {
        Some(value) => printable(value).into_owned(),
        None if *is_secret && set_by.is_some() => "(set)".to_owned(),
        None => "-".to_owned(),
    };
    let other = set_by.filter(|set_by| set_by != name).map(|set_by| format!(", {set_by}")).unwrap_or_default();
    let invalid = if invalid.is_some() { ", invalid" } else { "" };
    vec![(*name).to_owned(), value, format!("{source}{other}{invalid}")]
}

/// `docs/environment.md`
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Environment\n\nEvery variable that aisoc goes by. Options win over variables, and an empty variable is one that is not\n\
         set. A mode that is misspelt counts as the strictest of its words, with a warning; a list that cannot be read is\n\
         refused by whatever goes by it. `aisoc config show` prints what counts on this machine, and of secrets only that they\n\
         are set. Generated from the list in `cli/src/variables/list.rs`.\n",
    );
    for about in About::ALL {
        let _ = write!(page, "\n## {}\n\n| variable | default | purpose |\n|---|---|---|\n", about.title());
        for setting in SETTINGS.iter().filter(|setting| setting.about == about) {
            page.push_str(&page_row(setting));
        }
    }
    page.push_str("\n## Set by others\n\n| variables | what they are to aisoc |\n|---|---|\n");
    for (names, purpose) in OF_OTHERS {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "| {} | {purpose} |", names.join(", "));
    }
    page
}

fn page_row(setting: &Setting) -> String {
    let default = match setting.default {
        Unset::Is(value) => format!("`{value}`"),
        Unset::Means(words) => words.to_owned(),
    };
    let words = setting.words().map(|words| format!(": {words}")).unwrap_or_default();
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let also = if setting.also.is_empty() { String::new() } else { format!(" (else {})", names(setting.also)) };
    format!("| `{}`{also} | {default} | {}{words} |\n", setting.name, setting.purpose)
}
