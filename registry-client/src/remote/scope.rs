//! `Scope` and `Wanted`: what a token is asked for.

/// What the task needs. Never more: a token that is stolen on its way reads one repository, and a pull cannot be
/// turned into a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading.
    Pull,
    /// Reading and writing.
    PullPush,
    /// Taking manifests and tags away, and reading what is about to go.
    PullDelete,
    /// Reading which repositories a registry has (distribution's token specification, "Resource Scope": `registry:catalog:*`).
    Catalog,
    /// Nothing but to learn whether a login counts. No repository is in it: a token that reads one may be for everybody,
    /// and would make any password good.
    Login,
}

impl Scope {
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::PullPush => "pull,push",
            Self::PullDelete => "pull,delete",
            Self::Catalog | Self::Login => "",
        }
    }

    /// Whether nobody need be somebody for it: what everybody may read is read without a login that cannot be used. A
    /// list of repositories is another one for somebody else, and would be taken for the whole.
    pub(super) fn is_read_only(self) -> bool {
        match self {
            Self::Pull => true,
            Self::PullPush | Self::PullDelete | Self::Catalog | Self::Login => false,
        }
    }
}

/// What one token is asked for, as token services read it: `repository:NAME:ACTIONS`, once for each repository, and
/// nothing for a login alone. Ours, and not what the challenge says: a registry that names another repository, or more
/// actions, would be handed a token for those.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    /// The repository of the task, and one more that it only reads from.
    pub(super) fn new(scope: Scope, repository: &str, also_read: Option<&str>) -> Self {
        let own = match scope {
            Scope::Login => None,
            Scope::Catalog => Some("registry:catalog:*".to_owned()),
            Scope::Pull | Scope::PullPush | Scope::PullDelete => {
                Some(format!("repository:{repository}:{}", scope.actions()))
            }
        };
        let read = also_read.filter(|other| *other != repository);
        let read = read.map(|other| format!("repository:{other}:{}", Scope::Pull.actions()));
        Self(own.into_iter().chain(read).collect())
    }

    /// One by one, as a query has them (distribution's token specification).
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// In one line, as a form has them (RFC 6749, 3.3).
    pub(super) fn line(&self) -> String {
        self.0.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_for_what_the_task_needs_and_no_more() {
        for (scope, also_read, expected) in [
            (Scope::Pull, None, "repository:team/demo:pull"),
            (Scope::PullPush, None, "repository:team/demo:pull,push"),
            (Scope::PullPush, Some("other"), "repository:team/demo:pull,push repository:other:pull"),
            (Scope::PullDelete, None, "repository:team/demo:pull,delete"),
            (Scope::Catalog, None, "registry:catalog:*"),
            (Scope::Login, None, ""),
        ] {
            assert_eq!(Wanted::new(scope, "team/demo", also_read).line(), expected);
        }
        assert!(Scope::Pull.is_read_only());
        for scope in [Scope::PullPush, Scope::PullDelete, Scope::Catalog, Scope::Login] {
            assert!(!scope.is_read_only(), "{scope:?}");
        }
    }
}
