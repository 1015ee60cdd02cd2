//! The judge: the one caller of the gate, for installs, rollbacks, verification and listings alike.
//!
//! It holds the keys as they were read, the policy and the time by which keys are judged, so that nobody
//! chooses any of them for one command alone.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_signing::{
    Circumstances, Claim, Content, Coverage, FileStatement, Findings, Fingerprint, KeyCoverage, Keyring, Origin,
    PublicKey, Signer, TimestampAuthorities, examine, verify_file,
};
use aisoc_trust::{
    Admitted, Decision, Examined, Facts, FileVerdict, KnownSigner, PluginMode, Policy, ProofDemand, SignatureStatus,
    TrustDecision, TrustMode, TrustRules, UnderLock, Verdict, judge_file, no_trusted_keys, not_acknowledged,
};
use jiff::Timestamp;

use crate::afterwards::Afterwards;
use crate::proofs::{Asked, Coming, Demands, LostProof, RequiredProof, as_evidence, lost_proofs, required};

/// Whom to trust, and how far.
#[derive(Debug, Clone)]
pub struct TrustInputs {
    /// The directory of trusted public keys, or one such file.
    pub keys_dir: PathBuf,
    /// What the gate does about what is not verified.
    pub policy: Policy,
    /// The time to judge keys by.
    pub at: Timestamp,
    /// Whose word is taken for when something was signed.
    pub timestamps: TimestampAuthorities,
    /// What is judged by as if it were done to the keys already.
    pub foreseen: ForeseenKeys,
    /// What has to be shown beside a signature.
    pub demands: Demands,
}

/// What is to be done to the keys: of what is still to come, and of nothing else.
#[derive(Debug, Clone, Default)]
pub struct ForeseenKeys {
    /// A key that is going to be trusted, and its name.
    pub coming: Option<Box<(String, PublicKey)>>,
    /// The keys that are going to be gone before.
    pub gone: BTreeSet<Fingerprint>,
    /// Whether what would become of plugins is judged as mode `strict` does, whatever judges them today.
    pub are_strict: bool,
}

impl ForeseenKeys {
    /// The keys as they would be.
    #[must_use]
    pub(crate) fn of(&self, keyring: Keyring) -> Keyring {
        let keyring = if self.gone.is_empty() { keyring } else { keyring.without(&self.gone) };
        match self.coming.as_deref() {
            Some((id, key)) => keyring.with_trusted(id, *key),
            None => keyring,
        }
    }
}

impl TrustInputs {
    /// The same keys at the same time, by what they vouch for alone.
    pub(crate) fn by_keys_alone(&self) -> Self {
        // Mode `disabled` is none to judge by: what it lets in unread is asked about for the day on which it reads again.
        let foreseen = ForeseenKeys { are_strict: self.policy.mode != TrustMode::Warn, ..self.foreseen.clone() };
        Self { policy: self.policy.by_keys_alone(), foreseen, demands: self.demands.by_keys_alone(), ..self.clone() }
    }

    /// Says before anything is fetched that nothing will be let in that nobody has read.
    ///
    /// # Errors
    /// `unsigned_not_acknowledged`, in mode `disabled` alone. The gate asks again.
    pub fn require_acknowledged(&self) -> Result<()> {
        match self.policy.mode == TrustMode::Disabled && !self.policy.is_unsigned_acknowledged {
            true => Err(not_acknowledged()),
            false => Ok(()),
        }
    }

    /// As [`TrustInputs::require_keys`], of what is in a registry. What is on this machine costs nothing to read, and
    /// more can be said of it: there it is enough that keys are somewhere.
    ///
    /// # Errors
    /// As [`TrustInputs::require_keys`].
    pub fn require_keys_for(&self, reference: &Reference) -> Result<()> {
        match reference {
            Reference::Registry(_) => self.require_keys(),
            Reference::Layout(_) => Judge::new(self).map(drop),
        }
    }

    /// Says before anything is fetched what would refuse all that could come.
    ///
    /// # Errors
    /// In mode `strict` `io_not_found` when there is nothing where keys should be, and `no_trusted_keys` when there is
    /// no key that can be used; as [`Keyring::read`].
    pub fn require_keys(&self) -> Result<()> {
        Judge::require_keys(self)
    }
}

/// The keys from which less is accepted than the site asks of others, because the note on each says that code is
/// enough, where the signature covers no more. None in all other cases.
pub fn coverage_accepted_from(verdict: &Verdict) -> Vec<String> {
    let accepts_code = |signer: &&Signer| signer.coverage == Some(KeyCoverage::Code);
    let signers = if verdict.coverage() == Coverage::Code { verdict.signers() } else { &[] };
    signers.iter().filter(accepts_code).map(|signer| signer.key_id.to_string()).collect()
}

/// Keys, policy and time, ready to judge.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    trust: &'a TrustInputs,
    policy: Policy,
    keyring: Keyring,
    /// The rules of the site, where it has a file of them.
    rules: Option<Arc<TrustRules>>,
}

impl<'a> Judge<'a> {
    /// The keys that it judges by.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Reads the trusted keys. In mode `disabled` nothing is read, keys included.
    ///
    /// # Errors
    /// As [`Keyring::read`], in mode `strict` `io_not_found` when there is nothing at that path, and as
    /// [`aisoc_trust::Publishers::require_plain`]. They are no verdict: nothing was judged.
    pub(crate) fn new(trust: &'a TrustInputs) -> Result<Self> {
        let judge = Self::of_keys(trust)?;
        let rules = trust.demands.read()?.map(Arc::new);
        Ok(Self { rules, ..judge })
    }

    /// A judge who asks no rules of the site: what the keys say counts while the rules cannot be read, and lets nothing in.
    ///
    /// # Errors
    /// As [`Judge::new`], but for the rules.
    pub(crate) fn of_keys(trust: &'a TrustInputs) -> Result<Self> {
        let keyring = match trust.policy.mode {
            TrustMode::Disabled => Keyring::default(),
            TrustMode::Warn => Keyring::read_to_verify(&trust.keys_dir)?,
            TrustMode::Strict => Keyring::read_to_verify(&trust.keys_dir)?.require_there()?,
        };
        let keyring = trust.foreseen.of(keyring).with_timestamp_authorities(trust.timestamps.clone());
        trust.policy.publishers.require_plain(keyring.keys().iter().map(|key| (key.id.as_str(), key.fingerprint)))?;
        Ok(Self { trust, policy: trust.policy.clone(), keyring, rules: None })
    }

    /// A judge who has the keys as they would be.
    pub(crate) fn afterwards(&self, asked: &Afterwards<'_>) -> Self {
        let mode = if self.trust.foreseen.are_strict { TrustMode::Strict } else { self.policy.mode };
        Self {
            trust: self.trust,
            policy: Policy { mode, ..self.policy.clone() },
            keyring: asked.of(&self.keyring),
            rules: self.rules.clone(),
        }
    }

    /// Says before anything is fetched what would refuse all that could come. The keys that judge are read again
    /// when there is something to judge.
    ///
    /// # Errors
    /// As [`Judge::new`], and in mode `strict` `no_trusted_keys` when there is no key that can be used.
    pub(crate) fn require_keys(trust: &'a TrustInputs) -> Result<()> {
        let judge = Self::new(trust)?;
        match trust.policy.mode == TrustMode::Strict && judge.keyring.keys().is_empty() {
            true => Err(no_trusted_keys(judge.keyring.directory(), &judge.skipped_keys())),
            false => Ok(()),
        }
    }

    /// Key files that are not used, `file: reason`.
    pub(crate) fn skipped_keys(&self) -> Vec<String> {
        self.keyring.skipped().iter().map(ToString::to_string).collect()
    }

    /// What the gate said, as facts to show, with what is to be said of the keys that it said it by.
    pub(crate) fn judgement(&self, verdict: &Verdict) -> Judgement {
        Judgement {
            status: verdict.status(),
            key_id: verdict.key_id().map(ToString::to_string),
            signers: verdict.signers().iter().map(KnownSigner::from).collect(),
            coverage: verdict.coverage(),
            coverage_accepted_from: coverage_accepted_from(verdict),
            fingerprint: verdict.fingerprint().map(|fingerprint| fingerprint.to_string()),
            decision: verdict.decision(),
            objection: verdict.objection().cloned(),
            ending_keys: verdict.signers().iter().filter_map(|signer| signer.near_end(self.trust.at)).collect(),
            skipped_keys: self.skipped_keys(),
        }
    }

    /// Asks the gates about proof. It takes as long as its signatures do, and needs no lock.
    /// `coming` is where the claim comes from, which a key can be limited to, and what is at hand of its artifact.
    pub(crate) fn examine<'b>(&self, claim: &Claim, coming: impl Into<Coming<'b>>) -> Examined {
        self.examine_noting(claim, &coming.into()).0
    }

    /// As [`Judge::examine`], with what came of each proof that is required.
    pub(crate) fn examine_noting(&self, claim: &Claim, coming: &Coming<'_>) -> (Examined, Vec<RequiredProof>) {
        let circumstances = Circumstances { at: self.trust.at, origin: coming.origin.clone() };
        let examined = aisoc_trust::examine(&self.policy, claim, |claim, findings| {
            examine(claim, &self.keyring, &circumstances, findings)
        });
        if self.trust.demands.proofs.is_empty() && self.rules.is_none() {
            return (examined, Vec::new());
        }
        let plugin = stated_plugin(claim);
        let signers = self.by_every_name(examined.signers());
        let asked = Asked {
            plugin: plugin.as_ref().map(PluginId::as_str),
            claim,
            signers: &signers,
            coming,
            circumstances: &circumstances,
            keyring: &self.keyring,
        };
        let required = required(&self.trust.demands, self.rules.as_deref(), &asked);
        (examined.with_proofs(&as_evidence(&required)), required.proofs)
    }

    /// The proofs by trusted keys that are shown by its keys, and would be no more by those of `later`.
    pub(crate) fn lost_proofs(&self, later: &Self, claim: &Claim, coming: &Coming<'_>) -> Vec<LostProof> {
        let circumstances = &Circumstances { at: self.trust.at, origin: coming.origin.clone() };
        let plugin = stated_plugin(claim);
        let plugin = plugin.as_ref().map(PluginId::as_str);
        let today = Asked { plugin, claim, signers: &[], coming, circumstances, keyring: &self.keyring };
        let later = Asked { keyring: &later.keyring, ..today };
        lost_proofs(&self.trust.demands, self.rules.as_deref(), &today, &later)
    }

    /// How large the largest proof may be that has to be looked for of what comes from there. None where none has to.
    pub(crate) fn largest_proof_of(&self, origin: &Origin) -> Option<u64> {
        let demands = &self.trust.demands;
        let all = demands.proofs.iter().chain(self.rules.iter().flat_map(|rules| rules.proofs_of(origin)));
        all.filter(|demand| demands.asks_for(demand)).map(ProofDemand::max_bytes).max()
    }

    /// What is said of the file `id` in that place, by the signature beside it.
    pub(crate) fn file(
        &self,
        (id, place): (&str, &Path),
        statement: FileStatement,
        signature: Option<&Content>,
        mode: PluginMode,
    ) -> FileVerdict {
        let circumstances = Circumstances::from(self.trust.at);
        let verdict = judge_file(&self.trust.policy, mode, place, || {
            verify_file(id, statement, signature, &self.keyring, &circumstances)
        });
        // In dev a host loads it whoever has made it.
        match &self.rules {
            Some(rules) if mode == PluginMode::Production => {
                let signers = self.by_every_name(verdict.signer.as_slice());
                match rules.allow_file(id, &signers) {
                    Ok(()) => verdict,
                    Err(fault) => verdict.and_refused(fault),
                }
            }
            _ => verdict,
        }
    }

    /// The signers, each by every name under which its key is trusted: a rule means the key, whichever of them it has. Those
    /// by which they are called elsewhere come first.
    fn by_every_name(&self, signers: &[Signer]) -> Vec<KnownSigner> {
        let mut named: Vec<KnownSigner> = signers.iter().map(KnownSigner::from).collect();
        for trusted in self.keyring.keys() {
            let known = KnownSigner { key_id: trusted.id.to_string(), fingerprint: trusted.fingerprint };
            let has_signed = signers.iter().any(|signer| signer.fingerprint == trusted.fingerprint);
            if has_signed && !named.contains(&known) {
                named.push(known);
            }
        }
        named
    }

    /// The trusted keys that have signed what a claim states, whether or not they count at this time.
    pub(crate) fn signers_of(&self, claim: &Claim) -> Vec<KnownSigner> {
        let mut findings = Findings::default();
        // The verdict is nobody's question here: a key that has expired has signed all the same.
        let _ = examine(claim, &self.keyring, &self.trust.at.into(), &mut findings);
        let tried = self.keyring.keys().iter().zip(&findings.keys);
        let signed = tried.filter(|(_, tried)| !tried.verifies.is_empty()).map(|(trusted, _)| trusted);
        signed.map(|key| KnownSigner { key_id: key.id.to_string(), fingerprint: key.fingerprint }).collect()
    }

    /// Asks the gates about the site under its lock: what comes out can be activated.
    pub(crate) fn decide<P: UnderLock>(&self, examined: Examined, present: &P) -> Decision<Admitted<P::Held>> {
        aisoc_trust::admit(examined, present)
    }

    /// As [`Judge::observe`], for whoever says what an install would.
    pub(crate) fn foresee(&self, examined: Examined, facts: Option<&Facts>) -> Decision<Verdict> {
        aisoc_trust::foresee(examined, facts)
    }

    /// Asks the gates about what was observed without a lock, if anything was: for readers.
    pub(crate) fn observe(&self, examined: Examined, facts: Option<&Facts>) -> Decision<Verdict> {
        aisoc_trust::observe(examined, facts)
    }
}

fn stated_plugin(claim: &Claim) -> Option<PluginId> {
    claim.document().and_then(Manifest::from_document).ok().map(|manifest| manifest.id)
}

impl fmt::Display for Judgement {
    /// What gate 5 goes by, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key_id, &self.objection) {
            (Some(key), _) => write!(f, "{}, key {key}, coverage {}", self.status, self.coverage),
            (None, Some(objection)) => write!(f, "{}, let in despite {}", self.status, objection.reason()),
            (None, None) => write!(f, "{}", self.status),
        }
    }
}

/// What the gate said, as facts to show. Evidence no more.
#[derive(Debug)]
pub struct Judgement {
    /// The status word.
    pub status: SignatureStatus,
    /// The key that verified it.
    pub key_id: Option<String>,
    /// That key's fingerprint.
    pub fingerprint: Option<String>,
    /// All keys that did.
    pub signers: Vec<KnownSigner>,
    /// How much the signature covers.
    pub coverage: Coverage,
    /// The keys from which no more is asked, by their notes, where the signature covers no more.
    pub coverage_accepted_from: Vec<String>,
    /// Why it was let in; nothing for what mode `warn` lets in although it is not verified.
    pub decision: Option<TrustDecision>,
    /// What strict mode would have refused it for.
    pub objection: Option<Fault>,
    /// Which of the keys are about to end, and when, in words.
    pub ending_keys: Vec<String>,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
}
