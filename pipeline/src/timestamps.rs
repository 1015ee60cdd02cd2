//! When a signature was made: where the timestamp beside a new one comes from, and which one stays beside it.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::PluginDir;
use aisoc_registry_client::{ClientOptions, ask_for_timestamp};
use aisoc_signing::{
    Content, Signature, Signed, TimestampAuthorities, TimestampQuery, TimestampToken, standard_reply, timestamp_place,
};
use jiff::Timestamp;

/// Asks for the timestamp of a signature that was just made, before anything is written; of the same signature one may be there
/// already.
pub type Timestamper<'a> = &'a dyn Fn(&Signature, Option<TimestampToken>) -> Result<TimestampToken>;

/// Where the timestamp of a new signature comes from.
#[derive(Debug)]
pub struct TimestampSource {
    origin: TimestampOrigin,
    named: TimestampAuthorities,
}

/// Who gives a timestamp.
#[derive(Debug)]
pub enum TimestampOrigin {
    /// An authority, which is asked over HTTP (RFC 3161, 3.4).
    Authority {
        /// Where it is.
        url: String,
        /// How it is reached.
        options: Box<ClientOptions>,
    },
    /// What one has answered to somebody who asked for that very signature.
    Answer {
        /// Where it was read from.
        place: String,
        /// `TimeStampResp`, as it was answered.
        content: Vec<u8>,
    },
}

impl TimestampSource {
    /// Takes timestamps from there. Where authorities are named, one of them has to have signed each: nobody wants a
    /// timestamp that this very machine would not count.
    pub fn new(origin: TimestampOrigin, named: TimestampAuthorities) -> Self {
        Self { origin, named }
    }

    /// Whether somebody hears of it, and answers each time something else.
    pub fn is_asked(&self) -> bool {
        matches!(self.origin, TimestampOrigin::Authority { .. })
    }

    /// The timestamp of that signature: the one that is there, where it counts and no other is of an earlier time; else a new
    /// one. Nobody is asked for one that could not be earlier; an answer that is given is read whatever is there.
    ///
    /// # Errors
    /// `timestamp_invalid`; what asking an authority comes to.
    pub async fn timestamp(&self, signature: &Signature, present: Option<TimestampToken>) -> Result<TimestampToken> {
        match present.filter(|present| self.require_counted(present, signature).is_ok()) {
            Some(present) if self.is_asked() => Ok(present),
            Some(present) => {
                let new = self.new_timestamp(signature).await?;
                Ok(if new.claimed_time() < present.claimed_time() { new } else { present })
            }
            None => self.new_timestamp(signature).await,
        }
    }

    async fn new_timestamp(&self, signature: &Signature) -> Result<TimestampToken> {
        let token = match &self.origin {
            TimestampOrigin::Answer { place, content } => standard_reply(place, content, signature)?,
            TimestampOrigin::Authority { url, options } => {
                let query = TimestampQuery::new(signature)?;
                let answer = ask_for_timestamp(url, query.to_der(), options).await?;
                query.answered("the answer of the timestamp authority", &answer)?
            }
        };
        self.require_counted(&token, signature).map(|()| token)
    }

    /// # Errors
    /// `timestamp_invalid` for one that none of the authorities has signed that are named.
    fn require_counted(&self, token: &TimestampToken, signature: &Signature) -> Result<()> {
        if self.named.is_none() {
            return Ok(());
        }
        self.named.judge(token, signature).map(drop).map_err(|why| {
            Fault::new(Reason::TimestampInvalid, format!("the timestamp would not count here: {why}"))
                .expected("a timestamp of an authority that is named here", "another one")
                .hint("ask an authority of the file that PLUGIN_TIMESTAMP_ROOT or `--timestamp-root` names")
        })
    }
}

/// The timestamp of a signature, and its place beside it.
#[derive(Debug)]
pub(crate) struct Stamp {
    name: String,
    token: TimestampToken,
}

impl Stamp {
    /// What the `timestamper` gives. Without one, what stands beside that very signature already: signing the same again takes
    /// nothing away.
    pub(crate) fn of(
        plugin: &PluginDir,
        signed: &Signed,
        timestamper: Option<Timestamper<'_>>,
    ) -> Result<Option<Self>> {
        let (name, signature) = (timestamp_place(signed.signer()), signed.signature());
        let present = present(plugin, &name, signature);
        let token = match timestamper {
            Some(timestamper) => Some(timestamper(signature, present)?),
            None => present,
        };
        Ok(token.map(|token| Self { name, token }))
    }

    /// The file that it is.
    pub(crate) fn file(&self) -> (&str, &[u8]) {
        (&self.name, self.token.as_bytes())
    }

    /// When the signature was there, as it states.
    pub(crate) fn claimed_time(&self) -> Timestamp {
        self.token.claimed_time()
    }
}

/// What is none, or is about another signature, is evidence of nothing, and gives way.
fn present(plugin: &PluginDir, name: &str, signature: &Signature) -> Option<TimestampToken> {
    let claim = plugin.claim();
    let content = claim.tree().signature_files.get(name).and_then(Content::whole)?;
    timestamp_of(name, content, signature)
}

/// The timestamp in a file, if it is one of that signature.
pub(crate) fn timestamp_of(name: &str, content: &[u8], signature: &Signature) -> Option<TimestampToken> {
    let token = TimestampToken::read(name, content).ok()?;
    token.require_about(name, signature).is_ok().then_some(token)
}
