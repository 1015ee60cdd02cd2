//! Proofs beyond a key: what is demanded of an artifact, what is at hand of it, and whether that shows it.

mod at_hand;
mod coming;
mod judged;
mod kept;
mod lost;
mod offered;
mod required;
mod rule;
mod tagged;

pub(crate) use at_hand::AtHand;
pub(crate) use coming::Coming;
pub use judged::ShownProof;
pub(crate) use kept::keep_proofs;
pub(crate) use lost::{LostProof, lost_proofs};
pub use required::RequiredProof;
pub(crate) use required::{Asked, as_evidence, required};
pub use rule::{Demands, OfferedFile};
pub(crate) use tagged::{TagKind, tag_of, tags_of_all};
