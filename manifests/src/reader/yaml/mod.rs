//! plugin.yaml as the host reads it: YAML 1.1, with the grammar and the typing of the host's reader.
//!
//! Every YAML crate that we measured types some scalar otherwise, or accepts what the host refuses; a
//! signature over another reading is no signature. So the reader is written by hand, in the order
//! `source` (characters), `scanner`, `name` and `scalar` (tokens), `parser` and `syntax` (structure), `resolve`
//! (types of plain scalars) and `construct` (values, merge keys, equal keys).
//!
//! Names in code quotes, such as `scan_plain`, are functions of the reference: PyYAML 6.0.3 in pure Python,
//! with `SafeLoader`. Where it and the specification (YAML 1.1, 2005) differ, the reference is followed,
//! because it is what the host runs. The danger is never a document that we refuse and the host takes: that
//! costs its author a line. It is one that both take and read differently, since then the signed text and the
//! running plugin are two documents. So every doubt ends in a refusal, and every reading in the differential
//! test.

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
///
/// Apart from making values, because the strict profile has to see what values no longer show: which scalar
/// was quoted, where an alias stood, which key was written twice.
pub(crate) fn parse(bytes: &[u8]) -> Result<Syntax, ReadError> {
    parser::Parser::new(source::Source::new(bytes)?).parse()
}

/// Makes the values of a document, whose root must be a mapping.
///
/// Takes the structure by value: merge keys change it while values are made, as they do in the reference, and
/// nobody may look at it afterwards and take it for what was written.
pub(crate) fn construct(syntax: Syntax) -> Result<Tree, ReadError> {
    construct::construct(syntax)
}

/// Reads a document.
pub(crate) fn read(bytes: &[u8]) -> Result<Tree, ReadError> {
    construct(parse(bytes)?)
}
