//! What each may do in which repository. What no rule allows is denied.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::action::Action;
use super::written::{ANONYMOUS, Written, WrittenWrong, is_name};
use crate::route::is_repository;

/// Most rules: each is looked at for each request.
const MAX_RULES: usize = 1_000;
/// Whoever has proven any name, and every repository.
const ALL: &str = "*";

/// The rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    rules: Vec<Rule>,
    figures: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    who: BTreeSet<String>,
    repositories: Vec<Repositories>,
    actions: Vec<Action>,
}

/// Which repositories a rule is about.
#[derive(Debug, PartialEq, Eq)]
enum Repositories {
    All,
    /// Those whose name begins with that, a `/` at its end.
    Below(String),
    One(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    metrics: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<WrittenRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    who: Vec<Spanned<String>>,
    repositories: Vec<Spanned<String>>,
    actions: Vec<Spanned<String>>,
}

impl Rights {
    /// Reads the file's text.
    pub(super) fn read(text: &str) -> Written<Self> {
        let written: WrittenFile = toml::from_str(text).map_err(|error| WrittenWrong::of_toml(text, &error))?;
        if let Some(excess) = written.allow.get(MAX_RULES) {
            return Err(WrittenWrong::at_byte(
                text,
                excess.span().start,
                format!("there are more than {MAX_RULES} rules"),
            ));
        }
        let rules = written.allow.into_iter().map(|rule| Rule::of(text, rule));
        let rules = rules.collect::<Written<_>>()?;
        Ok(Self { rules, figures: each(text, written.metrics, read_who)?.into_iter().collect() })
    }

    /// Whether somebody of that name, or without one, may do that there.
    pub(super) fn allow(&self, name: Option<&str>, action: Action, repository: &str) -> bool {
        self.rules.iter().any(|rule| {
            rule.actions.contains(&action)
                && is_meant(&rule.who, name)
                && rule.repositories.iter().any(|repositories| repositories.hold(repository))
        })
    }

    /// Whether they may read the registry's figures.
    pub(super) fn allow_figures(&self, name: Option<&str>) -> bool {
        is_meant(&self.figures, name)
    }

    /// Whether anything is allowed to whoever shows nothing.
    pub(super) fn let_anonymous_in(&self) -> bool {
        self.rules.iter().any(|rule| is_meant(&rule.who, None))
    }
}

impl Rule {
    /// One that could never allow anything was meant to say something else.
    fn of(text: &str, written: Spanned<WrittenRule>) -> Written<Self> {
        let at = written.span().start;
        let WrittenRule { who, repositories, actions } = written.into_inner();
        for (key, is_empty) in
            [("who", who.is_empty()), ("repositories", repositories.is_empty()), ("actions", actions.is_empty())]
        {
            if is_empty {
                return Err(WrittenWrong::at_byte(text, at, format!("`{key}` is empty, so the rule allows nothing")));
            }
        }
        Ok(Self {
            who: each(text, who, read_who)?.into_iter().collect(),
            repositories: each(text, repositories, Repositories::read)?,
            actions: each(text, actions, read_action)?,
        })
    }
}

impl Repositories {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            ALL => Ok(Self::All),
            _ if is_repository(text) => Ok(Self::One(text.to_owned())),
            _ => match text.strip_suffix("/*").filter(|above| is_repository(above)) {
                Some(above) => Ok(Self::Below(format!("{above}/"))),
                None => {
                    Err("repositories are `team/plugin`, `team/*` for all below `team/`, or `*` for all".to_owned())
                }
            },
        }
    }

    fn hold(&self, repository: &str) -> bool {
        match self {
            Self::All => true,
            Self::Below(above) => repository.starts_with(above.as_str()),
            Self::One(name) => repository == name,
        }
    }
}

/// `*` is everybody with a name, and nobody without one.
fn is_meant(who: &BTreeSet<String>, name: Option<&str>) -> bool {
    match name {
        Some(name) => who.contains(name) || who.contains(ALL),
        None => who.contains(ANONYMOUS),
    }
}

fn read_who(text: &str) -> Result<String, String> {
    match text {
        ALL | ANONYMOUS => Ok(text.to_owned()),
        name => is_name(name).map(|name| name.as_ref().to_owned()),
    }
}

fn read_action(text: &str) -> Result<Action, String> {
    let all = [Action::Pull, Action::Push, Action::Delete];
    let found = all.into_iter().find(|action| action.as_str() == text);
    found.ok_or_else(|| "actions are `pull`, `push` and `delete`".to_owned())
}

fn each<T>(text: &str, list: Vec<Spanned<String>>, read: impl Fn(&str) -> Result<T, String>) -> Written<Vec<T>> {
    let read =
        |item: Spanned<String>| read(item.get_ref()).map_err(|why| WrittenWrong::at_byte(text, item.span().start, why));
    list.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
metrics = ["prometheus"]

[[allow]]
who = ["ci"]
repositories = ["team/*"]
actions = ["pull", "push"]

[[allow]]
who = ["*"]
repositories = ["shared", "team/docs"]
actions = ["pull"]

[[allow]]
who = ["anonymous"]
repositories = ["public/*"]
actions = ["pull"]

[[allow]]
who = ["root", "ops@site"]
repositories = ["*"]
actions = ["pull", "push", "delete"]
"#;

    #[test]
    fn what_no_rule_allows_is_denied() {
        use Action::{Delete, Pull, Push};
        let rights = Rights::read(FILE).expect("rights");
        for (name, action, repository, expected) in [
            (Some("ci"), Pull, "team/a", true),
            (Some("ci"), Push, "team/a/b", true),
            (Some("ci"), Delete, "team/a", false),
            (Some("ci"), Pull, "team", false),
            (Some("ci"), Pull, "teams/a", false),
            (Some("ci"), Pull, "other/team/a", false),
            (Some("ci"), Pull, "shared", true),
            (Some("ci"), Push, "shared", false),
            (Some("anybody"), Pull, "team/docs", true),
            (Some("anybody"), Pull, "team/a", false),
            (Some("anybody"), Pull, "public/a", false),
            (None, Pull, "public/a", true),
            (None, Push, "public/a", false),
            (None, Pull, "shared", false),
            (Some("root"), Delete, "anything/at/all", true),
            (Some("ops@site"), Delete, "a", true),
            (Some("Root"), Pull, "a", false),
            (Some(""), Pull, "a", false),
        ] {
            assert_eq!(rights.allow(name, action, repository), expected, "{name:?} {action:?} {repository}");
        }
        assert_eq!(
            [Some("prometheus"), Some("root"), None].map(|name| rights.allow_figures(name)),
            [true, false, false]
        );
        assert!(rights.let_anonymous_in());
        let none = Rights::read("").expect("nothing is a file, too");
        assert!(!none.allow(Some("root"), Pull, "a") && !none.let_anonymous_in() && !none.allow_figures(None));
    }

    #[test]
    fn what_is_wrong_is_said_by_line_and_column() {
        let rule =
            |line: &str| format!("[[allow]]\nwho = [\"ci\"]\nrepositories = [\"a\"]\nactions = [\"pull\"]\n{line}\n");
        for (text, line, column) in [
            (rule("deny = true"), 5, 1),
            ("allowed = []".to_owned(), 1, 1),
            (rule("who = [\"ci\"]"), 5, 1),
            (rule("").replace("pull", "write"), 4, 12),
            (rule("").replace("\"pull\"", "\"pull\", \"Push\""), 4, 20),
            (rule("").replace("\"ci\"", ""), 1, 1),
            (rule("").replace("\"a\"", ""), 1, 1),
            (rule("").replace("\"a\"", "\"A\""), 3, 17),
            (rule("").replace("\"a\"", "\"a*\""), 3, 17),
            (rule("").replace("\"a\"", "\"*/a\""), 3, 17),
            (rule("").replace("\"a\"", "\"../a\""), 3, 17),
            (rule("").replace("\"ci\"", "\"a b\""), 2, 8),
            (rule("").replace("who = [\"ci\"]\n", ""), 1, 1),
            ("[[allow]\n".to_owned(), 1, 9),
            ("metrics = [\"a b\"]".to_owned(), 1, 12),
            ("metrics = true".to_owned(), 1, 11),
        ] {
            let wrong = Rights::read(&text).expect_err(&text);
            assert_eq!((wrong.position.line, wrong.position.column), (line, column), "{text}: {}", wrong.message);
        }
    }

    #[test]
    fn as_many_rules_as_there_may_be() {
        let of =
            |count: usize| "[[allow]]\nwho = [\"a\"]\nrepositories = [\"*\"]\nactions = [\"pull\"]\n".repeat(count);
        assert_eq!(Rights::read(&of(MAX_RULES)).expect("rights").rules.len(), MAX_RULES);
        assert_eq!(Rights::read(&of(MAX_RULES + 1)).expect_err("one more").position.line, 4 * MAX_RULES + 1);
    }
}
