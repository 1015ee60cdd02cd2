//! `Scope`: what a token is asked for.

/// What a token is asked for. Never more than the task needs: a token that is stolen on its way reads one
/// repository, and a pull cannot be turned into a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading.
    Pull,
    /// Reading and writing.
    PullPush,
}

impl Scope {
    /// As token services read it. Ours, and not the one in the challenge: a registry that names another
    /// repository, or more actions, would be handed a token for those.
    pub(super) fn of(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::PullPush => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }
}
