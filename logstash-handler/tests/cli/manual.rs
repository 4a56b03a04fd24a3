use crate::program::relay;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let help = relay(["--help"], b"").expect(0).stdout;
    for text in ["completions", "man", "queue", "send", "Exit codes:"] {
        assert!(help.contains(text), "{text} is not in\n{help}");
    }
    let help = relay(["queue", "--help"], b"").expect(0).stdout;
    for command in ["drain", "export", "inspect", "purge", "replay"] {
        assert!(help.contains(command), "{command} is not in\n{help}");
    }
    let version = relay(["--version"], b"").expect(0).stdout;
    assert_eq!(version, format!("logstash-relay {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn there_are_completions_for_shells() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = relay(["completions", shell], b"").expect(0).stdout;
        assert!(script.contains("logstash-relay") && script.contains("replay"), "{shell}");
    }
    relay(["completions", "ash"], b"").expect(2);
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = relay(["man"], b"").expect(0).stdout;
    assert!(page.contains(".TH") && page.contains("Exit codes"), "{page}");
    for command in [&["send"][..], &["queue"], &["queue", "drain"]] {
        let arguments = ["man"].iter().chain(command);
        let page = relay(arguments, b"").expect(0).stdout;
        assert!(page.contains(".TH") && page.contains(command.last().unwrap()), "{page}");
    }
    relay(["man", "sned"], b"").expect(1);
}
