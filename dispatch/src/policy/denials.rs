//! `Denials`: what is denied of a whole tree.

use aisoc_manifests::fault::Reason;
use aisoc_platform::CommandView;

use super::denial::{Denial, Layer};
use super::evaluation::Policy;
use super::strict_mode::StrictMode;
use crate::command::{CommandId, CommandTree, Given};

/// What is denied of a whole tree.
#[derive(Debug, Clone, Default)]
pub struct Denials(Vec<Option<Denial>>);

impl Denials {
    /// Judges every command that does something, then the groups of which nothing is left. The program itself is never
    /// denied.
    pub fn judge(tree: &CommandTree, policy: Option<&Policy>, strict_mode: Option<&StrictMode>) -> Self {
        let mut denials = Self(vec![None; tree.ids().len()]);
        if policy.is_none() && strict_mode.is_none() {
            return denials;
        }
        // What is below has been judged before what is above.
        for id in tree.ids().rev().filter(|id| *id != tree.root()) {
            let own = tree.is_runnable(id).then(|| judge(tree, id, policy, strict_mode)).flatten();
            let is_left = tree.is_runnable(id) && own.is_none();
            denials.0[id.index()] = match is_left {
                true => None,
                false => {
                    let children = tree.children(id).iter().filter(|child| !is_empty(tree, **child));
                    let below: Option<Vec<&Denial>> = children.map(|child| denials.get(*child)).collect();
                    whole(tree, id, own, below)
                }
            };
        }
        denials
    }

    /// The denial of one command or one group, without looking at what stands elsewhere.
    pub fn of(
        tree: &CommandTree,
        id: CommandId,
        policy: Option<&Policy>,
        strict_mode: Option<&StrictMode>,
    ) -> Option<Denial> {
        if id == tree.root() {
            return None;
        }
        let own = tree.is_runnable(id).then(|| judge(tree, id, policy, strict_mode)).flatten();
        if tree.is_runnable(id) && own.is_none() {
            return None;
        }
        let children = tree.children(id).iter().filter(|child| !is_empty(tree, **child));
        let below: Option<Vec<Denial>> = children.map(|child| Self::of(tree, *child, policy, strict_mode)).collect();
        whole(tree, id, own, below.as_ref().map(|below| below.iter().collect()))
    }

    /// The denial of one thing that is asked for, by itself. The identity that a site is bound to comes before any rule.
    pub fn of_view(
        asked: &dyn CommandView,
        policy: Option<&Policy>,
        strict_mode: Option<&StrictMode>,
    ) -> Option<Denial> {
        let strict = || strict_mode.and_then(|strict_mode| strict_mode.judge(asked));
        let by_rule = || policy.and_then(|policy| policy.judge(asked));
        strict().or_else(by_rule)
    }

    /// The denial of a command as it is given: what its options make of it counts as well.
    pub fn of_given(
        tree: &CommandTree,
        given: &Given,
        policy: Option<&Policy>,
        strict_mode: Option<&StrictMode>,
    ) -> Option<Denial> {
        if given.id == tree.root() {
            return None;
        }
        let raised = || Self::of_view(&tree.view_given(given), policy, strict_mode).filter(|_| given.raised.is_some());
        let others = || given.does.iter().find_map(|does| by_another(tree, given.id, *does, policy, strict_mode));
        Self::of(tree, given.id, policy, strict_mode).or_else(raised).or_else(others)
    }

    /// Whether a command is denied.
    pub fn get(&self, id: CommandId) -> Option<&Denial> {
        self.0.get(id.index())?.as_ref()
    }

    /// Every denial, in the order of the tree.
    pub fn iter(&self) -> impl Iterator<Item = &Denial> {
        self.0.iter().flatten()
    }
}

/// The denial of what is denied itself, and of which nothing may be left below. What the identity of a site denies stays its
/// denial.
fn whole(tree: &CommandTree, id: CommandId, own: Option<Denial>, below: Option<Vec<&Denial>>) -> Option<Denial> {
    if own.as_ref().is_some_and(|own| own.layer == Layer::StrictMode) {
        return own;
    }
    below.and_then(|below| aggregate(tree, id, &below)).or(own)
}

/// The denial of a group of which nothing is left but these denials; none for what has nothing below it.
fn aggregate(tree: &CommandTree, id: CommandId, below: &[&Denial]) -> Option<Denial> {
    let first = below.first()?;
    let mut children: Vec<(String, Reason)> = below.iter().map(|denial| (denial.path.clone(), denial.code)).collect();
    children.sort();
    let is_strict = below.iter().all(|denial| denial.layer == Layer::StrictMode);
    let same = |of: fn(&Denial) -> &String, otherwise: &str| match below.iter().all(|denial| of(denial) == of(first)) {
        true => of(first).clone(),
        false => otherwise.to_owned(),
    };
    Some(Denial {
        path: tree.path(id).to_owned(),
        layer: if is_strict { Layer::StrictMode } else { Layer::Policy },
        policy_source: same(|denial| &denial.policy_source, "mixed"),
        rule_name: same(|denial| &denial.rule_name, ""),
        code: Reason::AggregateAllDenied,
        reason: format!("every command below it is denied ({})", children.len()),
        children,
    })
}

/// The denial of one command that does something, or of another whose work it does: there is no way around a denial.
fn judge(
    tree: &CommandTree,
    id: CommandId,
    policy: Option<&Policy>,
    strict_mode: Option<&StrictMode>,
) -> Option<Denial> {
    let own = Denials::of_view(&tree.view(id), policy, strict_mode);
    // Whoever denies it by another name that it is typed by has denied it.
    let by_another_name = || tree.others(id).find_map(|path| policy?.denies(path, tree.path(id)));
    own.or_else(by_another_name)
        .or_else(|| tree.does(id).find_map(|does| by_another(tree, id, does, policy, strict_mode)))
}

/// The denial of a command that does the work of another one.
fn by_another(
    tree: &CommandTree,
    id: CommandId,
    does: CommandId,
    policy: Option<&Policy>,
    strict_mode: Option<&StrictMode>,
) -> Option<Denial> {
    let denied = Denials::of_view(&tree.view(does), policy, strict_mode)?;
    let reason = format!("it does what {:?} does, which is denied: {}", denied.path, denied.reason);
    Some(Denial { path: tree.path(id).to_owned(), reason, ..denied })
}

/// Whether nothing below does anything, so that there is nothing to be denied.
fn is_empty(tree: &CommandTree, id: CommandId) -> bool {
    !tree.is_runnable(id) && tree.children(id).iter().all(|child| is_empty(tree, *child))
}
