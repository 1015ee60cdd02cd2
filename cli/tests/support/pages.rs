//! Pages as their readers use them: which blocks they hold, which commands stand in them, and whether what was
//! printed is what a page shows.
//!
//! A block ```` ```sh ```` is pasted as it stands. A block ```` ```text ```` right below it is what it prints; `…` in
//! it stands for anything within its line, and a line of `…` alone for any lines.

use std::ops::ControlFlow;

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The line of its first line of text, counted from 1.
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
    /// Whether nothing but blank lines stands between it and the block before it.
    pub(crate) follows: bool,
}

/// One command of a block: a line, with those that continue it and the text that it is given (`<<'EOF'`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The blocks of a page.
///
/// # Panics
///
/// When a block does not end, names no language, or is one by its indentation alone: nobody would know whether
/// such a block is to be pasted.
pub(crate) fn blocks(name: &str, page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut open, mut is_adjacent, mut after_blank) = (None::<Block>, false, false);
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (Some(_), Some(_)) => {
                blocks.extend(open.take());
                is_adjacent = true;
            }
            (None, Some(language)) => {
                assert!(!language.is_empty(), "{name}:{number}: a block without a language");
                let (line, language) = (number + 1, language.to_owned());
                open = Some(Block { line, language, text: String::new(), follows: is_adjacent });
            }
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) => {
                is_adjacent &= line.is_empty();
                assert!(!(after_blank && line.starts_with("    ")), "{name}:{number}: a block by indentation");
            }
        }
        after_blank = line.is_empty();
    }
    assert!(open.is_none(), "{name}: a block has no end");
    blocks
}

/// The commands of a block; a line of comment is none.
pub(crate) fn commands(block: &Block) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut ends_with = None::<String>;
    let mut goes_on = false;
    for (number, line) in (block.line..).zip(block.text.lines()) {
        let is_part = goes_on || ends_with.is_some();
        if is_part {
            commands.last_mut().expect("a command that goes on").text.extend(["\n", line]);
        } else if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        } else {
            commands.push(Command { line: number, text: line.to_owned() });
        }
        match &ends_with {
            Some(word) if line == word => ends_with = None,
            Some(_) => {}
            None => {
                ends_with = line.split_once("<<'").and_then(|(_, rest)| Some(rest.split_once('\'')?.0.to_owned()));
                goes_on = line.ends_with('\\');
            }
        }
    }
    commands
}

impl Command {
    /// The exit code that the page says: `# exits with 3`, else 0.
    pub(crate) fn exit_code(&self) -> i32 {
        let said = self.text.split_once("# exits with ").map(|(_, rest)| rest);
        said.map_or(0, |code| code.trim().parse().expect("a number after `exits with`"))
    }

    /// Whether the shell goes on while it runs.
    pub(crate) fn is_background(&self) -> bool {
        let command = self.text.split(" #").next().unwrap_or_default();
        command.trim_end().ends_with('&')
    }
}

/// Where `found` leaves what `shown` promises: a line of either, for people.
pub(crate) fn difference(shown: &str, found: &str) -> Option<String> {
    let shown: Vec<&str> = shown.lines().collect();
    let found: Vec<&str> = found.lines().map(str::trim_end).collect();
    match lines_match(&shown, &found) {
        ControlFlow::Continue(()) => None,
        ControlFlow::Break(line) => Some(line),
    }
}

fn lines_match(shown: &[&str], found: &[&str]) -> ControlFlow<String> {
    let say = |shown: Option<&&str>, found: Option<&&str>| {
        let line = |line: Option<&&str>| line.map_or("the end".to_owned(), |line| format!("{line:?}"));
        ControlFlow::Break(format!("the page shows {}, printed was {}", line(shown), line(found)))
    };
    match shown.split_first() {
        None if found.is_empty() => ControlFlow::Continue(()),
        None => say(None, found.first()),
        Some((line, rest)) if line.trim() == "…" => {
            let mut any = (0..=found.len()).map(|passed| lines_match(rest, &found[passed..]));
            any.find(ControlFlow::is_continue)
                .map_or_else(|| say(rest.first(), found.last()), |_| ControlFlow::Continue(()))
        }
        Some((line, rest)) => match found.split_first() {
            Some((first, others)) if line_matches(line.trim_end(), first) => lines_match(rest, others),
            other => say(Some(line), other.map(|(first, _)| first)),
        },
    }
}

fn line_matches(shown: &str, found: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The `spans` between single backticks outside of blocks, with their lines.
pub(crate) fn spans(page: &str) -> Vec<(usize, String)> {
    let mut spans = Vec::new();
    let mut is_block = false;
    let mut prose = String::new();
    for line in page.lines() {
        let is_fence = line.trim_start().starts_with("```");
        prose.push_str(if is_block || is_fence { "" } else { line });
        prose.push('\n');
        is_block ^= is_fence;
    }
    let mut line = 1;
    for (index, part) in prose.split('`').enumerate() {
        if index % 2 == 1 {
            spans.push((line, part.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        line += part.matches('\n').count();
    }
    spans
}
