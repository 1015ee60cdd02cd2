//! `Scope` and `Wanted`: what a token is asked for.

/// What the task needs. Never more: a token that is stolen on its way reads one repository, and a pull cannot be
/// turned into a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading.
    Pull,
    /// Reading and writing.
    PullPush,
    /// Nothing but to learn whether a login counts. No repository is in it: a token that reads one may be for everybody,
    /// and would make any password good.
    Login,
}

impl Scope {
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::PullPush => "pull,push",
            Self::Login => "",
        }
    }

    /// Whether nobody need be somebody for it: what everybody may read is read without a login that cannot be used.
    pub(super) fn is_read_only(self) -> bool {
        match self {
            Self::Pull => true,
            Self::PullPush | Self::Login => false,
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
            Scope::Pull | Scope::PullPush => Some(format!("repository:{repository}:{}", scope.actions())),
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
