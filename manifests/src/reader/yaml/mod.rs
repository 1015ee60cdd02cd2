//! plugin.yaml as the host reads it: YAML 1.1, with the grammar and the typing of the host's reader.
//!
//! Every YAML crate that we measured types some scalar otherwise, or accepts what the host refuses; a
//! signature over another reading is no signature. So the reader is written by hand, in the order
//! `source` (characters), `scanner`, `name` and `scalar` (tokens), `parser` (structure), `resolve`
//! (types of plain scalars) and `construct` (values, merge keys, equal keys).

mod construct;
mod name;
mod number;
mod parser;
mod resolve;
mod scalar;
mod scanner;
mod source;
mod syntax;
mod timestamp;

use crate::reader::error::ReadError;
use crate::reader::value::Tree;

pub(crate) use construct::short_tag;
pub(crate) use resolve::Tag;
pub(crate) use scanner::Style;
pub(crate) use source::byte_of;
pub(crate) use syntax::{Kind, Syntax, SyntaxNode};

/// Reads the structure of a document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Syntax, ReadError> {
    parser::Parser::new(source::Source::new(bytes)?).parse()
}

/// Makes the values of a document, whose root must be a mapping.
pub(crate) fn construct(syntax: Syntax) -> Result<Tree, ReadError> {
    construct::construct(syntax)
}

/// Reads a document.
pub(crate) fn read(bytes: &[u8]) -> Result<Tree, ReadError> {
    construct(parse(bytes)?)
}
