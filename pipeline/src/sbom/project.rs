//! `pyproject.toml`, as far as it says what the project needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use super::list::List;
use super::requirements::requirement_of;

#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    project: Project,
    #[serde(default)]
    tool: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Project {
    /// What it needs. What it can also do with others (`optional-dependencies`), and what its author works with
    /// (`dependency-groups`), it does not need.
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    dynamic: Vec<String>,
}

/// Reads a project's file. What it leaves to a tool is noted.
pub(super) fn read(text: &str) -> List {
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return List::not_toml(&error, text),
    };
    let mut list = List::default();
    for (number, requirement) in file.project.dependencies.iter().enumerate() {
        match requirement_of(requirement.trim()) {
            Ok(distribution) => list.distributions.push(distribution),
            Err(why) => list.unread.push(format!("dependency {}: {why}", number + 1)),
        }
    }
    if file.project.dynamic.iter().any(|field| field == "dependencies") {
        list.unread.push("leaves its dependencies to a tool".to_owned());
    }
    if file.tool.get("poetry").is_some_and(|poetry| poetry.get("dependencies").is_some()) {
        list.unread.push("has dependencies in the words of poetry".to_owned());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_needs_is_named_and_what_a_tool_knows_is_noted() {
        let list = read(
            "[project]\nname = \"x\"\ndependencies = [\"idna==3.10\", \"urllib3>=2; python_version > '3.9'\", \"./x\"]\ndynamic = \
             [\"version\"]\n[project.optional-dependencies]\nsocks = [\"pysocks\"]\n[tool.ruff]\nline-length = 100\n",
        );
        let named: Vec<_> = list.distributions.iter().map(|one| (one.name.as_str(), one.version.as_deref())).collect();
        assert_eq!(named, [("idna", Some("3.10")), ("urllib3", None)]);
        assert_eq!(list.unread, ["dependency 3: names no distribution"]);
        for text in [
            "[project]\ndynamic = [\"dependencies\"]",
            "[tool.poetry.dependencies]\npython = \"^3.9\"",
            "[project]\ndependencies = 1",
            "[",
        ] {
            assert_eq!(read(text).unread.len(), 1, "{text}");
        }
        assert_eq!(read("[tool.ruff]\nline-length = 100").unread, [""; 0]);
    }
}
