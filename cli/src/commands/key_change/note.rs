//! What the options make of the note on a key.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{KeyNotes, Scope};

use crate::args::key_change::NoteArgs;

/// The note of a new key; nothing when nothing is said of it.
///
/// # Errors
/// `usage` for what is no note.
pub(super) fn new(args: NoteArgs) -> Result<Option<KeyNotes>> {
    let note = apply(KeyNotes::new(), args);
    match note == KeyNotes::new() {
        true => Ok(None),
        false => sound(note).map(Some),
    }
}

/// Refuses a change that changes nothing.
///
/// # Errors
/// `usage`.
pub(super) fn require_change(args: &NoteArgs, clear: &[String]) -> Result<()> {
    let NoteArgs { owner, comment, not_before, not_after, plugins, repositories, coverage, may_sign } = args;
    let says = [
        ("owner", owner.is_some()),
        ("comment", comment.is_some()),
        ("not-before", not_before.is_some()),
        ("not-after", not_after.is_some()),
        ("plugin", !plugins.is_empty()),
        ("repository", !repositories.is_empty()),
        ("coverage", coverage.is_some()),
        ("may-sign", !may_sign.is_empty()),
    ];
    let twice = says.iter().find(|(name, is_said)| *is_said && clear.iter().any(|cleared| cleared == name));
    if let Some((name, _)) = twice {
        return Err(Fault::new(Reason::Usage, format!("`--{name}` and `--clear {name}` contradict each other"))
            .hint("leave one of the two out: the option replaces what the note says"));
    }
    match clear.is_empty() && says.iter().all(|(_, is_said)| !is_said) {
        false => Ok(()),
        true => Err(Fault::new(Reason::Usage, "nothing is said about the key").hint(
            "name what the note should say, for example `--owner TEXT`, or what it should say no more: `--clear owner`",
        )),
    }
}

/// The note as it is to be; nothing when it says nothing any more.
pub(super) fn changed(notes: Option<&KeyNotes>, args: NoteArgs, clear: &[String]) -> Option<KeyNotes> {
    let before = notes.cloned().unwrap_or_default();
    let mut note = KeyNotes { schema_version: KeyNotes::SCHEMA_VERSION, ..before };
    clear.iter().for_each(|member| forget(&mut note, member));
    let note = apply(note, args);
    (note != KeyNotes::new()).then_some(note)
}

fn forget(note: &mut KeyNotes, member: &str) {
    match member {
        "owner" => note.owner = None,
        "comment" => note.comment = None,
        "not-before" => note.not_before = None,
        "not-after" => note.not_after = None,
        "coverage" => note.coverage = None,
        "may-sign" => note.may_sign = None,
        member => {
            let scope = note.scope.take().unwrap_or_default();
            let scope = match member {
                "plugin" => Scope { plugins: None, ..scope },
                _ => Scope { repositories: None, ..scope },
            };
            note.scope = some_scope(scope);
        }
    }
}

fn apply(note: KeyNotes, args: NoteArgs) -> KeyNotes {
    let NoteArgs { owner, comment, not_before, not_after, plugins, repositories, coverage, may_sign } = args;
    let scope = note.scope.unwrap_or_default();
    KeyNotes {
        owner: owner.or(note.owner),
        comment: comment.or(note.comment),
        not_before: not_before.or(note.not_before),
        not_after: not_after.or(note.not_after),
        scope: some_scope(Scope {
            plugins: some(plugins).or(scope.plugins),
            repositories: some(repositories).or(scope.repositories),
        }),
        coverage: coverage.or(note.coverage),
        may_sign: some(may_sign).or(note.may_sign),
        ..note
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn some_scope(scope: Scope) -> Option<Scope> {
    (scope != Scope::default()).then_some(scope)
}

/// What somebody has typed is no file that cannot be understood.
fn sound(note: KeyNotes) -> Result<KeyNotes> {
    note.require_sound().map_err(|fault| {
        let typed = Fault::new(Reason::Usage, fault.message().to_owned());
        match fault.difference() {
            Some(values) => typed.expected(&values.expected, &values.found),
            None => typed,
        }
    })?;
    Ok(note)
}
