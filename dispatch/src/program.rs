//! `Program`: everything between the command line and a command, put together once, in one order.

use std::sync::Arc;
use std::time::SystemTime;

use aisoc_manifests::warning::Warning;
use aisoc_platform::{CommandView, Ctx, Error, Handler, Plugin, Result};

use crate::command::{CommandId, CommandTree, Given};
use crate::hooks::{Dispatch, SHUTDOWN_TIME, dispatch, shut_down, start_up};
use crate::install::{Plugins, install_all};
use crate::policy::{Denial, Denials, Explanation, Policy, PolicyFile, StrictMode, effective_policy};
use crate::refusal::Refusal;

/// What a program is made of.
pub struct Setup<'a, F> {
    /// Who is compiled in.
    pub registered: &'a [Arc<dyn Plugin>],
    /// The version of the program.
    pub version: &'a str,
    /// The identity that this site is bound to.
    pub strict_mode: Option<StrictMode>,
    /// Looks for the file that may hold a rule.
    pub policy_file: F,
    /// Whether nothing runs without a policy.
    pub is_policy_required: bool,
}

/// A program that is ready to be given a command.
pub struct Program {
    tree: CommandTree,
    plugins: Plugins,
    policy: Option<Policy>,
    /// Why the file that is there is none.
    not_applied: Option<String>,
    strict_mode: Option<StrictMode>,
}

impl Program {
    /// Installs what is compiled in, finds the rule that counts, and starts. Commands are judged when they are given. Lines for
    /// whoever is there go to `warn`. Where the start fails nobody is called at the end.
    ///
    /// # Errors
    /// Why no command runs. Whoever is given one then answers with that, whichever it is.
    pub fn begin<F: FnOnce() -> PolicyFile>(
        tree: CommandTree,
        setup: Setup<'_, F>,
        ctx: &Ctx,
        warn: &mut dyn FnMut(Warning, String),
    ) -> Result<Self, Refusal> {
        let Setup { registered, version, strict_mode, policy_file, is_policy_required } = setup;
        let plugins = install_all(registered, version, warn)?;
        let mut not_applied = None;
        let mut tell = |code, said: String| {
            not_applied = Some(said.clone());
            warn(code, said);
        };
        let policy = effective_policy(&plugins, policy_file, is_policy_required, &mut tell)?;
        start_up(plugins.hooks(), ctx)?;
        Ok(Self { tree, plugins, policy, not_applied, strict_mode })
    }

    /// All commands.
    pub const fn tree(&self) -> &CommandTree {
        &self.tree
    }

    /// Who is installed.
    pub const fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// The rule that counts.
    pub const fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// Why the policy file that is there does not count: for whoever does not go on without it.
    pub fn not_applied(&self) -> Option<&str> {
        self.not_applied.as_deref()
    }

    /// All that is denied: for help and listings, which show the whole tree.
    pub fn denials(&self) -> Denials {
        Denials::judge(&self.tree, self.policy.as_ref(), self.strict_mode.as_ref())
    }

    /// Whether a command is denied.
    pub fn denial(&self, id: CommandId) -> Option<Denial> {
        Denials::of(&self.tree, id, self.policy.as_ref(), self.strict_mode.as_ref())
    }

    /// Whether a command is denied as it is given.
    pub fn denial_given(&self, given: &Given) -> Option<Denial> {
        Denials::of_given(&self.tree, given, self.policy.as_ref(), self.strict_mode.as_ref())
    }

    /// Whether something is denied that is no command of the tree: what a plugin is asked for.
    pub fn denial_of(&self, asked: &dyn CommandView) -> Option<Denial> {
        Denials::of_view(asked, self.policy.as_ref(), self.strict_mode.as_ref())
    }

    /// What each axis of the rule says of a command, and who denies it, which may be the identity of the site. No axis looks at
    /// a group: it is denied with all that is below it, or not.
    pub fn explain(&self, id: CommandId) -> (Option<Explanation>, Option<Denial>) {
        let policy = self.policy.as_ref().filter(|_| self.tree.is_runnable(id));
        (policy.map(|policy| policy.explain(&self.tree.view(id))), self.denial(id))
    }

    /// The same of something that is no command of the tree.
    pub fn explain_view(&self, asked: &dyn CommandView) -> (Option<Explanation>, Option<Denial>) {
        (self.policy.as_ref().map(|policy| policy.explain(asked)), self.denial_of(asked))
    }

    /// The identity that this site is bound to.
    pub const fn strict_mode(&self) -> Option<&StrictMode> {
        self.strict_mode.as_ref()
    }

    /// Gives a command, with what was typed behind it.
    ///
    /// # Errors
    /// As [`dispatch`].
    pub fn give(
        &self,
        command: &Given,
        arguments: Vec<String>,
        started: SystemTime,
        ctx: &Ctx,
        run: Handler,
        warn: &mut dyn FnMut(Warning, String),
    ) -> Result {
        let (view, denial) = (self.tree.view_given(command), self.denial_given(command));
        let given = Dispatch { command: &view, arguments, denial: denial.as_ref(), started };
        dispatch(self.plugins.hooks(), given, ctx, run, warn)
    }

    /// Ends, after a command that has failed of `err`.
    pub fn end(&self, err: Option<Error>, ctx: &Ctx, warn: &mut dyn FnMut(Warning, String)) {
        shut_down(self.plugins.hooks(), ctx, err, SHUTDOWN_TIME, warn);
    }
}
