//! The verbs. Each file is one command: resolve what was typed, call the library, answer. What can be typed is
//! in `table`.

mod archive_name;
mod bench;
mod columns;
mod command;
mod completions;
mod declaration;
mod demo;
mod digest;
mod docs;
mod exit_codes;
mod explained;
mod gc;
mod github;
mod grants;
mod help;
mod inspect;
mod install;
mod journal;
mod keygen;
mod list;
mod man;
mod mistagged;
mod new;
mod package;
#[cfg(test)]
mod pages;
mod parser;
mod pull;
mod push;
mod reasons;
mod registry;
mod release;
mod release_keys;
mod repeated;
mod replaced;
mod resign;
mod rollback;
mod schema;
mod several;
mod sign;
mod suggestion;
mod table;
mod tag;
mod uninstall;
mod untagged;
mod validate;
mod verify;
mod verify_at_rest;
mod version;
mod versions;

pub(crate) use self::declaration::Commands;
pub(crate) use self::parser::{COMMANDS, Typed, parser};
pub(crate) use self::repeated::Repeated;
pub(crate) use self::suggestion::{Suggestion, suggestion};
pub(crate) use self::uninstall::can_ask;
