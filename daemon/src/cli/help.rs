//! Help, in each language. Its texts come from the catalogue like every other sentence: a verb has the message `cli-VERB`,
//! an argument `cli-arg-NAME`.

use clap::{Command, CommandFactory};

use super::Cli;
use crate::messages::{Lang, try_say};

/// The command line with its help in a language.
pub fn command(lang: Lang) -> Command {
    let command = Cli::command();
    let about = try_say(lang, "cli-about").unwrap_or_default();
    in_language(command.about(about), lang, "cli")
}

fn in_language(command: Command, lang: Lang, path: &str) -> Command {
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let help = clap::Arg::new("help")
        .short('h')
        .long("help")
        .action(clap::ArgAction::Help);
    let command = command
        .disable_help_flag(true)
        .arg(help.help(try_say(lang, "cli-help").unwrap_or_default()));
    let command = match path {
        "cli" => {
            let version = clap::Arg::new("version")
                .short('V')
                .long("version")
                .action(clap::ArgAction::Version);
            command
                .disable_version_flag(true)
                .arg(version.help(try_say(lang, "cli-version").unwrap_or_default()))
        }
        _ => command,
    };
    let command = match example(path) {
        [] => command,
        lines => command.after_help(format!(
            "{}\n  {}",
            try_say(lang, "cli-examples").unwrap_or_default(),
            lines.join("\n  ")
        )),
    };
    let command = command.mut_args(|arg| match try_say(lang, &format!("cli-arg-{}", arg.get_id())) {
        Some(help) => arg.help(help),
        None => arg,
    });
    verbs.into_iter().fold(command, |command, verb| {
        let path = format!("{path}-{verb}");
        command.mut_subcommand(verb, |verb| {
            let about = try_say(lang, &path).unwrap_or_default();
            in_language(verb.about(about), lang, &path)
        })
    })
}

/// How each verb is used. Command lines are the same in every language; a test reads them.
fn example(path: &str) -> &'static [&'static str] {
    match path {
        "cli" => &[
            "punchgate demo --fast",
            "punchgate check --config /etc/punchgate/punchgate.toml",
            "punchgate status --lang zh-CN",
        ],
        "cli-check" => &["punchgate check", "punchgate check --config ./punchgate.toml --json"],
        "cli-replay" => &[
            "punchgate replay --config punchgate.toml punches.jsonl",
            "punchgate replay --config punchgate.toml --until 2026-03-02T12:00:00Z -",
        ],
        "cli-config" | "cli-config-print" => &["punchgate config print", "punchgate config print --json"],
        "cli-run" => &["punchgate run --config /etc/punchgate/punchgate.toml"],
        "cli-status" => &["punchgate status", "punchgate status --json"],
        "cli-decode" => &[
            "punchgate decode --driver zk_tcp --device-timezone Asia/Shanghai capture.txt",
            "punchgate decode --driver serial_line --option preset=giga-tms-tr320 -",
        ],
        "cli-sim" => &[
            "punchgate sim zk_tcp --listen 127.0.0.1:4370 --punches 100",
            "punchgate sim serial_line --pty /tmp/clock",
        ],
        "cli-store" | "cli-store-verify" => &["punchgate store verify", "punchgate store verify --json"],
        "cli-store-rebuild" => &["punchgate store rebuild"],
        "cli-store-export" => &["punchgate store export"],
        "cli-directory" | "cli-directory-lint" => &[
            "punchgate directory lint",
            "punchgate directory lint --encoding gbk people-from-hr.csv",
        ],
        "cli-directory-import" => &[
            "punchgate directory import people-from-hr.csv",
            "punchgate directory import --encoding gbk --yes people-from-hr.csv",
        ],
        "cli-directory-export" => &["punchgate directory export", "punchgate directory export --json"],
        "cli-directory-resolve" => &["punchgate directory resolve gate-1 enrol 0007"],
        "cli-quarantine" | "cli-quarantine-list" => &[
            "punchgate quarantine list",
            "punchgate quarantine list --numbers --json",
        ],
        "cli-quarantine-replay" => &["punchgate quarantine replay"],
        "cli-device-reinterpret" => {
            &["punchgate device reinterpret gate-1 --zone Asia/Shanghai --from 2026-03-01T00:00:00+08:00 --yes"]
        }
        "cli-device" | "cli-device-time" => &[
            "punchgate device time",
            "punchgate device time gate-1 --set",
            "punchgate device time --json",
        ],
        "cli-verify" | "cli-verify-explain" => &[
            "punchgate verify explain 11b207787f872b7af686bb846c3b61e3",
            "punchgate verify explain --json 11b207787f872b7af686bb846c3b61e3",
        ],
        "cli-demo" => &["punchgate demo", "punchgate demo --fast --lang zh-CN"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{super::lang_among, *};

    fn every_id(command: &Command, path: &str, ids: &mut Vec<String>) {
        ids.extend(command.get_arguments().map(|arg| format!("cli-arg-{}", arg.get_id())));
        for verb in command.get_subcommands() {
            let path = format!("{path}-{}", verb.get_name());
            ids.push(path.clone());
            every_id(verb, &path, ids);
        }
    }

    #[test]
    fn every_verb_and_argument_has_help_in_every_language() {
        let mut ids = vec!["cli-about".to_owned(), "cli-help".to_owned(), "cli-version".to_owned()];
        every_id(&Cli::command(), "cli", &mut ids);
        for lang in Lang::ALL {
            for id in ids
                .iter()
                .filter(|id| !["cli-arg-help", "cli-arg-version"].contains(&id.as_str()))
            {
                assert!(try_say(*lang, id).is_some(), "{id} in {}", lang.tag());
            }
        }
    }

    #[test]
    fn every_verb_shows_examples_that_can_be_run() {
        fn look(command: &Command, path: &str) {
            let lines = example(path);
            assert!(!lines.is_empty(), "{path} has no example");
            for line in lines {
                let told = Cli::try_parse_from(line.split(' '));
                assert!(told.is_ok(), "{line}: {:?}", told.err());
            }
            for lang in Lang::ALL {
                let help = in_language(command.clone(), *lang, path).render_help().to_string();
                assert!(help.contains(lines[0]), "{help}");
            }
            for verb in command.get_subcommands() {
                look(verb, &format!("{path}-{}", verb.get_name()));
            }
        }
        look(&Cli::command(), "cli");
    }

    #[test]
    fn verbs_that_print_for_people_print_for_machines_too() {
        for verb in ["check", "status", "config print", "store verify", "device time"] {
            let line = format!("punchgate {verb} --json");
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        for lang in Lang::ALL {
            command(*lang).debug_assert();
        }
    }

    #[test]
    fn help_is_in_the_language_asked_for() {
        let help = command(Lang::ZhCn).render_help().to_string();
        assert!(help.contains("网关") && help.contains("显示帮助"), "{help}");
        assert_eq!(
            lang_among(&["punchgate".into(), "--lang".into(), "zh-CN".into()]),
            Some(Lang::ZhCn)
        );
        assert_eq!(
            lang_among(&["punchgate".into(), "check".into(), "--lang=en".into()]),
            Some(Lang::En)
        );
    }
}
