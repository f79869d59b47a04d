//! `tunesmith token`: who may ask a server for what. It refuses to show a token twice: only its hash is kept.

use tunesmith_server::Tokens;

use super::print;
use crate::cli::TokenCommand;
use crate::exit::{Class, Classified, Failure};

/// Does it.
pub(crate) fn run(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Add { name, scope, tokens } => {
            let token = Tokens::add(tokens, name, *scope).class(Class::Usage)?;
            anstream::eprintln!(
                "the token `{name}` may {scope}; a server that is started with `--tokens {}` knows it. It is shown once:",
                tokens.display()
            );
            print(&format!("{token}\n"))
        }
        TokenCommand::List { tokens } => {
            let tokens = Tokens::load(tokens).class(Class::Usage)?;
            let lines = tokens.kept().iter().map(|kept| format!("{}  {}\n", kept.scope, kept.name));
            print(&lines.collect::<String>())
        }
        TokenCommand::Remove { name, tokens } => {
            Tokens::remove(tokens, name).class(Class::Usage)?;
            print(&format!("the token `{name}` is removed; start the server again\n"))
        }
    }
}
