//! `aisoc keys endorse`: old keys name the key that succeeds them.

use std::collections::BTreeSet;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{EndorsedKey, EndorsingKey};
use aisoc_pipeline::keys::FoundStatement;
use aisoc_signing::{Envelope, Fingerprint, KeyHolder, PayloadType, PublicKey, Succession};
use jiff::{SignedDuration, Timestamp};

use super::super::statement::Named;
use crate::args::succession::{EndorseArgs, TermsArgs};
use crate::clock;
use crate::commands::key_change::pem;
use crate::context::Context;
use crate::output::{Answer, Form, printable};
use crate::signer;

/// How long both keys count when nobody says it: a month, in which a release comes and is installed.
const USUAL_OVERLAP: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Answer for EndorsedKey {
    fn text(&self) -> String {
        match (&self.destination, &self.statement) {
            (Some(destination), _) => format!("{}\n", printable(destination)),
            (None, Some(statement)) => statement.clone(),
            (None, None) => format!("{}\n", self.fingerprint),
        }
    }

    fn form(&self) -> Form {
        if self.destination.is_none() && self.statement.is_some() { Form::Exact } else { Form::Escaped }
    }
}

/// Where an endorsement comes from that others have begun, and where it goes.
struct Way {
    begun: Option<Named>,
    target: Named,
    /// Whether it goes back to where it came from.
    is_back: bool,
}

pub(crate) fn run(args: EndorseArgs, context: &Context) -> Result<u8> {
    require_one_input(&args)?;
    let way = Way::of(&args, context)?;
    way.target.require_writable(&context.keys_directory(None))?;
    let successor = pem::read(&args.successor, context)?;
    let signers = signer::all(&args.private_key, &args.passphrase, context)?;
    let held = if way.is_back { way.target.hold(context)? } else { None };
    let begun = way.begun.as_ref().map(|named| begun(named, &successor, context)).transpose()?;
    let (envelope, succession, changed, before) = match begun {
        Some((envelope, succession, found)) => {
            let (envelope, changed) = added(envelope, &succession, &signers)?;
            (envelope, succession, changed, Some(found))
        }
        None => {
            let succession = succession(successor, &signers, args.terms, context)?;
            let holders: Vec<&dyn KeyHolder> = signers.iter().map(AsRef::as_ref).collect();
            (Envelope::sign(PayloadType::KeySuccession, succession.to_json(), &holders)?, succession, true, None)
        }
    };
    let statement = envelope.to_json();
    let written = way.target.write(statement.as_bytes(), before.as_ref().filter(|_| way.is_back), context);
    let artifact_digest = written.map_err(|fault| taken(fault, &way.target))?;
    drop(held);
    let destination = way.target.shown();
    announce(&envelope, &succession, changed, destination.as_deref(), context);
    let statement = (!context.dry_run().is_on()).then_some(statement);
    let document = document(&envelope, &succession, changed);
    context.output.answer(&EndorsedKey { destination, artifact_digest, statement, ..document })
}

/// Standard input is one stream, and holds one thing.
fn require_one_input(args: &EndorseArgs) -> Result<()> {
    let words = std::iter::once(&args.successor).chain(&args.private_key).chain(&args.terms.endorsers);
    let added = args.add.iter().filter(|add| *add == "-").count();
    match words.filter(|word| *word == "-").count() + added {
        0 | 1 => Ok(()),
        count => Err(Fault::new(Reason::Usage, "standard input holds one thing, and is named more than once")
            .expected("`-` once", format!("{count} times"))
            .hint("pass the others as files")),
    }
}

impl Way {
    fn of(args: &EndorseArgs, context: &Context) -> Result<Self> {
        let named = |text| Named::of(PayloadType::KeySuccession, text, &args.registry, context);
        let begun = args.add.as_deref().map(named).transpose()?;
        let is_back = args.add.is_some() && args.out.as_ref().is_none_or(|out| args.add.as_ref() == Some(out));
        let target = match (&args.out, &args.add) {
            (Some(to), _) | (None, Some(to)) => named(to)?,
            (None, None) => Named::stream(PayloadType::KeySuccession),
        };
        Ok(Self { begun, target, is_back })
    }
}

/// Another endorsement stays as it is; somebody may have meant to sign it.
fn taken(fault: Fault, target: &Named) -> Fault {
    let place = target.shown().map(|shown| shell_word(&shown)).unwrap_or_default();
    match fault.reason() {
        Reason::AlreadyExists | Reason::TagExists => fault
            .hint(format!("choose another name with `--out REF|FILE`; to sign what is in it as well: `--add {place}`")),
        _ => fault,
    }
}

/// An endorsement that others have begun. Nothing vouches for it yet: what is signed is compared with the key that
/// whoever signs has at hand.
fn begun(named: &Named, successor: &PublicKey, context: &Context) -> Result<(Envelope, Succession, FoundStatement)> {
    let found = named.read(context)?;
    let shown = named.shown().unwrap_or_else(|| "standard input".to_owned());
    let envelope = super::envelope(&found, named)?;
    let succession = Succession::read(envelope.unverified_payload()).map_err(|fault| fault.about(&shown))?;
    match succession.successor == *successor {
        true => Ok((envelope, succession, found)),
        false => Err(Fault::new(Reason::EndorsementConflict, format!("`{shown}` endorses another key"))
            .expected(successor.fingerprint().to_string(), succession.successor.fingerprint().to_string())
            .hint("find out which of the two is the new key, from whoever made it, before anybody signs")),
    }
}

fn added(envelope: Envelope, succession: &Succession, signers: &[Box<dyn KeyHolder>]) -> Result<(Envelope, bool)> {
    let before = envelope.named_signers();
    let sign = |envelope: Envelope, signer: &dyn KeyHolder| {
        let key = signer.public_key().fingerprint();
        match () {
            () if before.contains(&key) => Ok(envelope),
            () if succession.endorsers.contains(&key) => envelope.signed_by(signer),
            () => Err(no_endorser(succession, key)),
        }
    };
    let envelope = signers.iter().map(AsRef::as_ref).try_fold(envelope, sign)?;
    let own: Vec<PublicKey> = signers.iter().map(|signer| signer.public_key()).collect();
    envelope.open(&own)?;
    let changed = envelope.named_signers() != before;
    Ok((envelope, changed))
}

fn no_endorser(succession: &Succession, key: Fingerprint) -> Fault {
    let named: Vec<String> = succession.endorsers.iter().map(ToString::to_string).collect();
    Fault::new(Reason::Usage, "the key is none of those whose word the endorsement is")
        .expected(format!("one of {}", named.join(", ")), key.to_string())
        .hint(
            "endorsers are named when it is begun: `aisoc keys endorse NEW.pem --private-key KEY --endorser OTHER.pem`",
        )
}

fn succession(
    successor: PublicKey,
    signers: &[Box<dyn KeyHolder>],
    terms: TermsArgs,
    context: &Context,
) -> Result<Succession> {
    let later = terms.endorsers.iter().map(|pem| Ok(pem::read(pem, context)?.fingerprint()));
    let later = later.collect::<Result<Vec<Fingerprint>>>()?;
    let endorsers: BTreeSet<Fingerprint> =
        signers.iter().map(|signer| signer.public_key().fingerprint()).chain(later).collect();
    let issued_at = issued_at(terms.issued_at, context)?;
    let not_before = terms.not_before.unwrap_or(issued_at);
    let overlap = terms.overlap.unwrap_or(USUAL_OVERLAP);
    let made = Succession {
        successor,
        required: terms.required.map_or(endorsers.len(), usize::from),
        endorsers,
        issued_at,
        not_before,
        until: terms.until.unwrap_or_else(|| not_before.checked_add(overlap).unwrap_or(Timestamp::MAX)),
        comment: terms.comment,
    };
    // What somebody has typed is no file that cannot be read.
    made.require_sound().map(|()| made).map_err(|fault| match fault.difference() {
        Some(values) => {
            Fault::new(Reason::Usage, fault.message()).expected(&values.expected, &values.found).hint(fault.next_step())
        }
        None => Fault::new(Reason::Usage, fault.message()),
    })
}

fn issued_at(typed: Option<Timestamp>, context: &Context) -> Result<Timestamp> {
    let seconds = match typed {
        Some(time) => return Ok(time),
        None => context.environment.source_date_epoch()?.and_then(|seconds| i64::try_from(seconds).ok()),
    };
    // Nobody needs to know the moment more exactly.
    let seconds = seconds.unwrap_or_else(|| clock::now().as_second());
    Timestamp::from_second(seconds).map_err(|error| Fault::new(Reason::Usage, "the time is none").caused_by(error))
}

fn announce(envelope: &Envelope, succession: &Succession, changed: bool, place: Option<&str>, context: &Context) {
    let (signed, required) = (envelope.named_signers().len(), succession.required);
    let what = format!(
        "{} as successor until {} (signed by {signed} of {} endorsers, {required} required)",
        succession.successor.fingerprint(),
        succession.until,
        succession.endorsers.len()
    );
    let done = context.said("Endorsed", "Would endorse");
    context.output.status(if changed { done } else { "Unchanged" }, what);
    let place = place.map_or_else(|| "FILE".to_owned(), shell_word);
    let next = match signed < required {
        true => format!("aisoc keys endorse NEW.pem --private-key KEY --add {place}   # by each of the others"),
        false => format!("aisoc keys accept {place} --reason TEXT   # on each site that trusts the old key"),
    };
    context.output.status("Next", next);
}

fn document(envelope: &Envelope, succession: &Succession, changed: bool) -> EndorsedKey {
    let signed = envelope.named_signers();
    let endorser = |key: &Fingerprint| EndorsingKey { fingerprint: key.to_string(), signed: signed.contains(key) };
    EndorsedKey {
        changed,
        destination: None,
        artifact_digest: None,
        statement: None,
        fingerprint: succession.successor.fingerprint().to_string(),
        endorsers: succession.endorsers.iter().map(endorser).collect(),
        required_count: succession.required,
        issued_at: succession.issued_at.to_string(),
        not_before: succession.not_before.to_string(),
        ends_at: succession.until.to_string(),
        comment: succession.comment.clone(),
    }
}
