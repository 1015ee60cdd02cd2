//! What aisoc says of itself.

use schemars::JsonSchema;
use serde::Serialize;

/// `aisoc version`: what this program was built from. What is not known is `null`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolVersion {
    /// Of the workspace.
    pub version: &'static str,
    /// The commit, in 40 hexadecimal digits; with `-dirty` behind it when sources had changed since.
    pub commit: Option<&'static str>,
    /// When that commit was made, or what `SOURCE_DATE_EPOCH` said, in RFC 3339.
    pub source_at: Option<String>,
    /// The machine that it runs on, as Rust names it.
    pub target: &'static str,
    /// The compiler, as it names itself.
    pub rustc: Option<&'static str>,
    /// Features that were asked for.
    pub features: Vec<&'static str>,
    /// Who does the cryptography of TLS.
    pub tls_provider: &'static str,
}

/// `aisoc completions`: a script for a shell.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompletionScript {
    /// The shell.
    pub shell: String,
    /// The script.
    pub script: String,
}

/// `aisoc help`, and `--help` of a command: a page of the manual.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ManualPage {
    /// The page, or the words of the command that it is the help of; `help` for the list of pages.
    pub name: String,
    /// The page: Markdown, or the help of a command as a terminal shows it.
    pub text: String,
}

/// `aisoc man`: pages for `man`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ManualPages {
    /// The files.
    pub paths: Vec<String>,
}

/// `aisoc commands`: every command, as a policy sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CommandList {
    /// The commands, in the order in which help lists them.
    pub commands: Vec<ListedCommand>,
}

/// One command, as a policy sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListedCommand {
    /// What patterns are held against: the words of the command, with `/` between.
    pub command_path: String,
    /// What is typed.
    pub command: String,
    /// What is typed for the same command, too.
    pub also: Vec<String>,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The most harm that it can do: `read`, `write` or `high-risk-write`.
    pub risk: String,
    /// Options with which it is a `high-risk-write`.
    pub raised_by: Vec<String>,
    /// What it is about.
    pub domain: String,
    /// For whom it is: `user`, `bot`; `null` for everybody.
    pub identities: Option<Vec<String>>,
    /// Whether help leaves it out.
    pub is_hidden: bool,
}
