//! `Candidates`: what can be accepted, by the ids that it goes by.

use std::collections::{BTreeMap, HashMap};

use aisoc_discovery::{Discovered, Failed, Source};
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_trust::{FileVerdict, FoundSignature, PluginMode};

use super::accept::{Acceptable, ids};
use super::contract::ContractCheck;
use super::here::{Here, HereOptions, has_signature};
use crate::at_rest::PluginAtRest;
use crate::contract::Contract;
use crate::discovered::Noticed;

/// Longest id that a message repeats.
const MAX_SHOWN: usize = 100;

/// What is not accepted with everything else, by its id, and why.
pub type Refused = (String, Fault);

/// What is here, whatever the lock says of it: whoever accepts something looks as in dev.
#[derive(Debug)]
pub struct Candidates<'a> {
    options: &'a HereOptions,
    here: Here,
    noticed: Noticed,
    /// Of each plugin what came of asking it, once it was asked.
    answers: BTreeMap<usize, Contract>,
}

impl<'a> Candidates<'a> {
    /// Looks at every source.
    ///
    /// # Errors
    /// `interrupted`, and `io_error` when no thread can be started.
    pub fn look(options: &'a HereOptions) -> Result<Self> {
        let mut here = options.look()?;
        let noticed = Noticed::of(&mut here.discovery);
        Ok(Self { options, here, noticed, answers: BTreeMap::new() })
    }

    /// What somebody should know of what was found.
    pub fn noticed(&self) -> &Noticed {
        &self.noticed
    }

    /// What should be a plugin and is none.
    pub fn failed(&self) -> &[Failed] {
        &self.here.discovery.failed
    }

    /// The one plugin of that id. What a plugin calls itself is known to whoever runs it: no more are run than there
    /// is need for, and first the one whose entry point is called that.
    ///
    /// # Errors
    /// `usage` for an id that none has, or several, with those that there are; as the check.
    pub fn named(&mut self, id: &str, check: &ContractCheck<'_>) -> Result<Acceptable> {
        let by_name = self.here.discovery.plugins.iter().position(|plugin| plugin.id == id);
        match by_name {
            Some(at) => self.ask(&[at], check)?,
            None => self.ask(&self.entry_points(), check)?,
        }
        let places = self.places(id);
        match (by_name.or_else(|| self.called(id)), places.as_slice()) {
            (Some(at), [] | [_]) => {
                match self.answers.get(&at) {
                    // It is there, and somebody has changed it.
                    Some(Contract::Broken(fault)) if fault.class() == Class::Refused => Err(fault.clone()),
                    Some(Contract::Broken(fault)) => Err(self.because(id, fault)),
                    _ => self.acceptable(at),
                }
            }
            // One of those that nobody may run could call itself that.
            (None, []) => match self.changed() {
                Some(fault) => Err(self.because(id, fault)),
                None => Err(self.not_found(id)),
            },
            (_, places) => Err(self
                .refusal(&format!("plugin '{}' is not one plugin", shown(id, MAX_SHOWN)))
                .expected("one place", places.join(", "))
                .hint("remove the one that is not meant, or give it an id of its own")),
        }
    }

    fn because(&self, id: &str, fault: &Fault) -> Fault {
        self.not_found(id).caused_by(format!("{}: {fault}", fault.reason()))
    }

    /// The first that was asked and is not what its distribution states.
    fn changed(&self) -> Option<&Fault> {
        self.answers.values().find_map(|answer| match answer {
            Contract::Broken(fault) if fault.class() == Class::Refused => Some(fault),
            _ => None,
        })
    }

    /// `refusal`, or that the id is nobody's, where that is known without running anything: nothing is run for whoever is
    /// refused in any case.
    pub fn unasked(&self, id: &str, refusal: Fault) -> Fault {
        let may_be_there = self.called(id).is_some() || !self.places(id).is_empty() || !self.entry_points().is_empty();
        if may_be_there { refusal } else { self.not_found(id) }
    }

    /// Everything that could be loaded, and why the rest could not.
    ///
    /// # Errors
    /// I/O reasons for what could not be read: nobody can tell whether it would be among the first or the others. As
    /// the check.
    pub fn all(&mut self, check: &ContractCheck<'_>) -> Result<(Vec<Acceptable>, Vec<Refused>)> {
        self.ask(&self.entry_points(), check)?;
        let (mut found, mut refused, mut first) = (Vec::new(), Vec::new(), HashMap::new());
        for failed in &self.here.discovery.failed {
            if failed.fault.is_unread() {
                return Err(failed.fault.clone().about(shown(&failed.name, MAX_SHOWN)));
            }
            refused.push((failed.name.clone(), failed.fault.clone()));
        }
        for at in 0..self.here.discovery.plugins.len() {
            if let Some(Contract::Broken(fault)) = self.answers.get(&at) {
                refused.push((self.id(at), fault.clone()));
                continue;
            }
            let acceptable = self.acceptable(at)?;
            let (id, place) = (acceptable.plugin.id.clone(), acceptable.plugin.place.clone());
            match first.insert(id.clone(), place) {
                None => found.push(acceptable),
                Some(other) => {
                    let message = format!("duplicate plugin id '{id}': already registered from '{}'", other.display());
                    refused.push((id, Fault::new(Reason::DuplicatePluginId, message)));
                }
            }
        }
        Ok((found, refused))
    }

    /// Asks gate 5 of each, as a listing does, and gate 4 of what has said in its code what it asks for: what one of them refuses would be refused by every host whatever the lock says, and
    /// is not accepted. The others have with them what their signatures are worth; and the key files that are not used.
    ///
    /// # Errors
    /// `interrupted`; `tree_modified` for what is changed meanwhile; I/O reasons for what could not be read;
    /// `unsigned_not_acknowledged` where nobody looks who has signed them, and nobody has said to know
    /// that.
    pub fn signed(
        &self,
        plugins: Vec<Acceptable>,
        mode: PluginMode,
    ) -> Result<(Vec<Acceptable>, Vec<Refused>, Vec<String>)> {
        if plugins.iter().any(|acceptable| has_signature(acceptable.plugin.source)) {
            self.options.trust.require_acknowledged()?;
        }
        let mut signatures = self.options.signatures(&self.here, mode)?;
        let (mut admitted, mut refused) = (Vec::new(), Vec::new());
        for Acceptable { plugin, .. } in plugins {
            let judged = match signatures.take_file(&plugin) {
                Some(FileVerdict { said: FoundSignature::Refused(fault), .. }) => Err(fault),
                _ => signatures.take(&plugin).transpose(),
            };
            let refusal = |judged: &Option<Box<PluginAtRest>>| judged.as_ref()?.verdict.as_ref().err().cloned();
            let denied =
                || plugin.declared_in_code().and_then(|declared| self.options.trust.policy.denial_of(declared));
            match judged.and_then(|judged| refusal(&judged).or_else(denied).map_or(Ok(judged), Err)) {
                // What is accepted is what was judged, and no other bytes that have come since.
                Ok(Some(judged)) if judged.stated.as_ref().is_none_or(|stated| stated.hash() != plugin.hash) => {
                    return Err(changed_meanwhile(&plugin));
                }
                Ok(judged) => admitted.push(Acceptable { plugin, judged }),
                // Nobody knows what would have been said of it.
                Err(fault) if fault.is_unread() => return Err(fault.about(shown(&plugin.id, MAX_SHOWN))),
                Err(fault) => refused.push((plugin.id, fault)),
            }
        }
        Ok((admitted, refused, signatures.skipped_keys))
    }

    /// As [`Candidates::signed`], of one plugin.
    ///
    /// # Errors
    /// What gate 5 refuses it for; and as [`Candidates::signed`].
    pub fn signed_one(&self, plugin: Acceptable, mode: PluginMode) -> Result<(Acceptable, Vec<String>)> {
        let (mut admitted, refused, skipped_keys) = self.signed(vec![plugin], mode)?;
        match (admitted.pop(), refused.into_iter().next()) {
            (Some(plugin), None) => Ok((plugin, skipped_keys)),
            (_, Some((id, fault))) => Err(fault.about(shown(&id, MAX_SHOWN))),
            (None, None) => Err(Fault::new(Reason::Internal, "of one plugin gate 5 has said nothing")),
        }
    }

    /// Those that nobody could ask, because there is no Python: they are known by what their entry points are called.
    pub fn not_asked(&self) -> impl Iterator<Item = (&Discovered, &Fault)> {
        self.answers.iter().filter_map(|(at, answer)| match answer {
            Contract::Unavailable(fault) => Some((&self.here.discovery.plugins[*at], fault)),
            _ => None,
        })
    }

    fn entry_points(&self) -> Vec<usize> {
        let plugins = self.here.discovery.plugins.iter().enumerate();
        plugins.filter(|(_, plugin)| plugin.source == Source::EntryPoint).map(|(at, _)| at).collect()
    }

    fn ask(&mut self, wanted: &[usize], check: &ContractCheck<'_>) -> Result<()> {
        let wanted: Vec<usize> = wanted.iter().copied().filter(|at| !self.answers.contains_key(at)).collect();
        let plugins: Vec<&Discovered> = wanted.iter().map(|at| &self.here.discovery.plugins[*at]).collect();
        let answers = if plugins.is_empty() { Vec::new() } else { check(&plugins)? };
        self.answers.extend(wanted.into_iter().zip(answers));
        Ok(())
    }

    /// What the plugin goes by.
    fn id(&self, at: usize) -> String {
        match self.answers.get(&at) {
            Some(Contract::Id(id, ..)) => id.clone(),
            _ => self.here.discovery.plugins[at].id.clone(),
        }
    }

    /// The plugin that calls itself that.
    fn called(&self, id: &str) -> Option<usize> {
        (0..self.here.discovery.plugins.len()).find(|at| self.id(*at) == id)
    }

    fn acceptable(&self, at: usize) -> Result<Acceptable> {
        let mut plugin = self.here.discovery.plugins[at].clone();
        if let Some(answer) = self.answers.get(&at) {
            answer.name(&mut plugin);
        }
        Ok(Acceptable { plugin, judged: None })
    }

    /// Where everything is that has the id, or would have it.
    fn places(&self, id: &str) -> Vec<String> {
        let plugins = (0..self.here.discovery.plugins.len()).filter(|at| self.id(*at) == id);
        let plugins = plugins.map(|at| self.here.discovery.plugins[at].place.display().to_string());
        let is_second = |failed: &&Failed| failed.name == id && failed.fault.reason() == Reason::DuplicatePluginId;
        let failed = self.here.discovery.failed.iter().filter(is_second);
        plugins.chain(failed.map(|failed| failed.place.display().to_string())).collect()
    }

    /// What could not be read may be what was meant, whatever it would have been called.
    fn not_found(&self, id: &str) -> Fault {
        let refusal = self.refusal(&format!("plugin '{}' not found among installed plugins", shown(id, MAX_SHOWN)));
        match self.here.discovery.failed.iter().find(|failed| failed.fault.is_unread()) {
            Some(unread) => unread.fault.clone().about(shown(&unread.name, MAX_SHOWN)).caused_by(refusal),
            None => refusal.hint("see what is here: `aisoc plugins list`"),
        }
    }

    fn refusal(&self, what: &str) -> Fault {
        let available: Vec<String> = (0..self.here.discovery.plugins.len()).map(|at| self.id(at)).collect();
        Fault::new(Reason::Usage, format!("trust: {what}. Available: {}", ids(&available)))
    }
}

fn changed_meanwhile(plugin: &Discovered) -> Fault {
    let message = format!("`{}` was changed while it was looked at", plugin.place.display());
    Fault::new(Reason::TreeModified, message)
        .expected(&plugin.hash, "another digest")
        .hint("look at it again, and run the command again")
}
