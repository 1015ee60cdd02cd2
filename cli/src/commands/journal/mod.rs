//! `aisoc plugins journal …` and `aisoc keys journal …`: the same three commands over two places.

mod export;
mod line;
mod places;
mod show;
mod verify;

pub(super) use export::run as export;
pub(super) use show::run as show;
pub(super) use verify::run as verify;
