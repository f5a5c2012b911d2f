//! The book's reference, made from the programs themselves: what they print as their example
//! configuration and with `--help`. It adds headings and nothing else.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::programs::program;

/// A page of the reference: its file in `docs/reference`, and its text as the programs say it
/// today.
#[derive(Debug)]
pub struct Page {
    pub file: &'static str,
    pub text: String,
}

/// Every page.
pub fn pages() -> Result<Vec<Page>> {
    let page = |file, text| Page { file, text };
    Ok(vec![
        page(
            "agent-configuration.md",
            configuration(
                "The box's configuration",
                "For whoever sets a box up: `/etc/zaigang/agent.toml`, as `zaigang-agent config \
                --example` prints it.",
                &said("zaigang-agent", &["config", "--example"])?,
            ),
        ),
        page(
            "server-configuration.md",
            configuration(
                "The server's configuration",
                "For whoever runs the server: `zaigang-server.toml`, as `zaigang-server config` \
                prints it.",
                &said("zaigang-server", &["config"])?,
            ),
        ),
        page(
            "agent-commands.md",
            commands("The box's commands", "For whoever works at a box.", &["zaigang-agent"])?,
        ),
        page(
            "server-commands.md",
            commands("The server's commands", "For whoever runs the server.", &["zaigang-server"])?,
        ),
        page(
            "other-commands.md",
            commands(
                "The other programs",
                "For whoever checks a record offline, or plays the demonstration.",
                &["zaigang-verify", "zaigang-demo"],
            )?,
        ),
    ])
}

const MADE: &str = "<!-- Made by a test from the programs (docs/reference/index.md says how); an \
    edit here does not last. -->";

/// The commented file, a heading for each of its tables.
fn configuration(title: &str, reader: &str, text: &str) -> String {
    let mut page = format!("{MADE}\n\n# {title}\n\n*{reader}*\n\n## At the top\n\n```toml\n");
    for line in text.lines() {
        // (A table that is only proposed stands behind a `# `.)
        let table =
            line.trim_start_matches("# ").strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) =
            table.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        {
            page.truncate(page.trim_end().len());
            page.extend(["\n```\n\n## [", name, "]\n\n```toml\n"]);
        }
        page.push_str(line);
        page.push('\n');
    }
    page.push_str("```\n");
    page
}

/// The words of each command of a program, however deep: `["models", "list"]`.
pub fn all_commands(program: &str) -> Result<Vec<Vec<String>>> {
    let (mut found, mut at) = (vec![Vec::new()], 0);
    while let Some(path) = found.get(at).cloned() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = said(program, &arguments)?;
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        found
            .extend(subcommands(&help).into_iter().map(|name| [path.as_slice(), &[name]].concat()));
        at += 1;
    }
    Ok(found)
}

/// Each program and each of its subcommands, however deep, with its `--help`.
fn commands(title: &str, reader: &str, programs: &[&str]) -> Result<String> {
    let mut page = format!("{MADE}\n\n# {title}\n\n*{reader}*\n");
    for program in programs {
        command(&mut page, program, &mut Vec::new())?;
    }
    Ok(page)
}

fn command(page: &mut String, program: &str, path: &mut Vec<String>) -> Result<()> {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = said(program, &arguments)?;
    let name = [&[program.to_owned()], path.as_slice()].concat().join(" ");
    let level = "#".repeat((path.len() + 2).min(4));
    let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    page.extend(["\n", &level, " ", &name, "\n\n```text\n", &help.join("\n"), "\n```\n"]);
    for inner in subcommands(&help) {
        path.push(inner);
        command(page, program, path)?;
        path.pop();
    }
    Ok(())
}

/// The names under "Commands:", but for the list's own `help`.
fn subcommands(help: &[&str]) -> Vec<String> {
    let list = help
        .iter()
        .skip_while(|line| **line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    // (A description that goes on in the next line stands farther to the right.)
    let entries = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    entries
        .filter_map(|l| l.split_whitespace().next())
        .filter(|n| *n != "help")
        .map(str::to_owned)
        .collect()
}

/// What a program prints, at one width whoever asks, with nothing of this machine's environment in
/// it.
fn said(name: &str, arguments: &[&str]) -> Result<String> {
    let output =
        Command::new(program(name)?).args(arguments).env_clear().env("COLUMNS", "88").output()?;
    if !output.status.success() {
        bail!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} {arguments:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_the_list_without_help() {
        let help = [
            "Usage: x",
            "",
            "Commands:",
            "  run     Run",
            "          until told",
            "  two-w   Two",
            "  help    Print",
            "",
        ];
        assert_eq!(subcommands(&help), ["run", "two-w"]);
    }

    #[test]
    fn each_table_of_a_configuration_gets_a_heading() {
        let page = configuration(
            "T",
            "R.",
            "mode = 1\n\n[log]\n# level = \"info\"\n# list = [\"a\"]\n\n# [smtp]\n# host = 1\n",
        );
        let blocks = "```toml\nmode = 1\n```\n\n## [log]\n\n```toml\n[log]\n# level = \"info\"\n# \
            list = [\"a\"]\n```\n\n## [smtp]\n\n\
                      ```toml\n# [smtp]\n# host = 1\n```\n";
        assert!(page.ends_with(blocks), "{page}");
    }
}
