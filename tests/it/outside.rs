//! What leaves the board for a while, in a real terminal: copied texts, the pager, the editor, the mouse; and what is left at the end.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::terminal::{Terminal, assert_restored};

fn program(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let init = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"))
        .args(["init", "--home"])
        .arg(home.path())
        .output()
        .unwrap();
    assert!(init.status.success());
    home
}

fn written(terminal: &Terminal) -> String {
    String::from_utf8_lossy(&terminal.bytes()).into_owned()
}

/// Waits until the board has taken the terminal so often: then the program that had it has ended, whatever is drawn by then.
fn until_taken(terminal: &Terminal, times: usize) {
    let begun = std::time::Instant::now();
    while written(terminal).matches("\x1b[?1049h").count() < times {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", terminal.text());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_takes_the_terminal_for_a_while_gives_it_back_and_quitting_tells_how_things_stand() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let pager = program(folder.path(), "pager", "echo READ BY A PAGER; wc -l < \"$1\"; read line");
    let editor = program(folder.path(), "editor", "[ \"$1\" = 'two words' ] && printf 'first of all\\nthen' > \"$2\"");
    let variables = [("PAGER", pager.display().to_string()), ("EDITOR", format!("{} 'two words'", editor.display()))];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut terminal = Terminal::around(&[], home.path(), (110, 32), &variables);
    terminal.until("CODEBLUE My platform");
    terminal.until("? Help");
    assert!(written(&terminal).contains("\x1b]2;My platform · codeblue\x07"));

    terminal.press("y");
    terminal.until("Copy what?");
    terminal.answer("\x1b[F\r");
    terminal.until("the page was sent to the terminal (OSC 52); whether it took it is not known");
    assert!(written(&terminal).contains("\x1b]52;c;"));

    terminal.press("*");
    terminal.until("MOUSE off: select freely");
    let text = written(&terminal);
    assert!(text.rfind("\x1b[?1000l") > text.rfind("\x1b[?1000h"), "clicks still come to the board");

    terminal.press("|");
    terminal.until("READ BY A PAGER");
    // What was typed ahead for the pager does not end the board.
    terminal.press("x\nqqq");
    // What is typed right behind its end is for the board.
    until_taken(&terminal, 2);
    terminal.press("i");
    terminal.until("Declare an incident");
    let text = written(&terminal);
    assert!(text.rfind("\x1b[?1000l") > text.rfind("\x1b[?1000h"), "the mouse was taken by coming back");
    terminal.press("4\t");
    terminal.until("▶ Title");
    terminal.press("printers jam\r");
    terminal.until("is opened: printers jam");
    std::thread::sleep(Duration::from_millis(200));
    terminal.press("\r");
    terminal.until("▸ INC-1 printers jam");
    terminal.press("n");
    terminal.until("Note on INC-1");
    terminal.press("\x0f");
    terminal.until("first of all");
    until_taken(&terminal, 3);
    terminal.press("\r");
    terminal.until("first of all then");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.bytes());
    let text = written(&terminal);
    let left = &text[text.rfind("\x1b[?1049l").unwrap()..];
    for line in ["\x1b[23;2t", "codeblue left My platform at ", "INC-1 SEV4 printers jam", "you did "] {
        assert!(left.contains(line), "{line:?} is not in {left:?}");
    }
}

#[test]
fn without_a_pager_or_an_editor_the_board_says_which_variable_names_one() {
    let home = home();
    let mut terminal = Terminal::around(&[], home.path(), (110, 32), &[("CODEBLUE_COPY", "false")]);
    terminal.until("? Help");
    terminal.press("|");
    terminal.until("no pager is named: set PAGER=less");
    terminal.press("y");
    terminal.until("Copy what?");
    terminal.answer("\x1b[F\r");
    terminal.until("false did not take it");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
}
