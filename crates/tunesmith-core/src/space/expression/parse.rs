//! Text to tree: a tokeniser and a parser by recursive descent, one function a level of precedence.

use super::{Function, MOST_CHARACTERS, MOST_NESTING, Node, Operator, ParseError};
use crate::value::Value;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(Value),
    Text(String),
    /// A bare word; may be a keyword, a function or a parameter.
    Word(String),
    /// A name in backticks; always a parameter.
    Quoted(String),
    Symbol(&'static str),
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 14] =
    ["**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "(", ")", ",", "<", ">"];
const KEYWORDS: [&str; 7] = ["if", "else", "and", "or", "not", "true", "false"];

pub(super) fn parse(source: &str) -> Result<Node, ParseError> {
    let tokens = tokenise(source)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let tree = parser.choice()?;
    match parser.peek() {
        Token::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

fn tokenise(source: &str) -> Result<Vec<(usize, Token)>, ParseError> {
    let characters: Vec<char> = source.chars().collect();
    if characters.len() > MOST_CHARACTERS {
        return Err(ParseError::TooLong { column: MOST_CHARACTERS + 1 });
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        if character.is_whitespace() {
            at += 1;
            continue;
        }
        let (token, length) = token_at(&characters, at)?;
        tokens.push((at + 1, token));
        at += length;
    }
    tokens.push((characters.len() + 1, Token::End));
    Ok(tokens)
}

/// The token that starts at `at`, and how many characters it has.
fn token_at(characters: &[char], at: usize) -> Result<(Token, usize), ParseError> {
    let rest = characters.get(at..).unwrap_or_default();
    let column = at + 1;
    match rest {
        [quote @ ('\'' | '"' | '`'), inside @ ..] => {
            let Some(length) = inside.iter().position(|character| character == quote) else {
                return Err(ParseError::OpenQuote { column });
            };
            let text: String = inside.iter().take(length).collect();
            let token = if *quote == '`' { Token::Quoted(text) } else { Token::Text(text) };
            Ok((token, length + 2))
        }
        [first, ..] if first.is_ascii_digit() || *first == '.' => number_at(rest, column),
        [first, ..] if first.is_ascii_alphabetic() || *first == '_' => {
            let inside = |character: &&char| {
                character.is_ascii_alphanumeric() || matches!(character, '_' | '.')
            };
            let word: String = rest.iter().take_while(inside).collect();
            let length = word.len();
            Ok((Token::Word(word), length))
        }
        _ => {
            let starts = |symbol: &&str| {
                symbol.chars().enumerate().all(|(index, c)| rest.get(index) == Some(&c))
            };
            match SYMBOLS.iter().find(|symbol| starts(symbol)) {
                Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
                None => Err(ParseError::Unexpected {
                    column,
                    expected: "a number, a name or an operator",
                    found: rest.first().map(ToString::to_string).unwrap_or_default(),
                }),
            }
        }
    }
}

fn number_at(rest: &[char], column: usize) -> Result<(Token, usize), ParseError> {
    let mut text = String::new();
    for character in rest {
        let exponent_sign = matches!(character, '+' | '-') && text.ends_with(['e', 'E']);
        if !(character.is_ascii_alphanumeric() || matches!(character, '.' | '_') || exponent_sign) {
            break;
        }
        text.push(*character);
    }
    let digits = text.replace('_', "");
    let bad = || ParseError::BadNumber { column, text: text.clone() };
    let value = match digits.parse::<i64>() {
        Ok(whole) => Value::Int(whole),
        Err(_) => Value::Float(digits.parse::<f64>().map_err(|_| bad())?),
    };
    if !value.is_finite() {
        return Err(bad());
    }
    Ok((Token::Number(value), text.len()))
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(column, _)| *column)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn unexpected(&self, expected: &'static str) -> ParseError {
        let found = match self.peek() {
            Token::Number(value) => value.to_string(),
            Token::Text(text) => format!("'{text}'"),
            Token::Word(word) => word.clone(),
            Token::Quoted(name) => format!("`{name}`"),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            Token::End => "the end".to_owned(),
        };
        ParseError::Unexpected { column: self.column(), expected, found }
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.at += usize::from(there);
        there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Token::Word(found) if found == word);
        self.at += usize::from(there);
        there
    }

    fn choice(&mut self) -> Result<Node, ParseError> {
        self.depth += 1;
        if self.depth > MOST_NESTING {
            return Err(ParseError::TooDeep { column: self.column() });
        }
        let then = self.disjunction()?;
        let node = if self.takes_word("if") {
            let condition = self.disjunction()?;
            if !self.takes_word("else") {
                return Err(self.unexpected("`else`"));
            }
            let otherwise = self.choice()?;
            Node::Choose {
                condition: condition.into(),
                then: then.into(),
                otherwise: otherwise.into(),
            }
        } else {
            then
        };
        self.depth -= 1;
        Ok(node)
    }

    fn disjunction(&mut self) -> Result<Node, ParseError> {
        let mut left = self.conjunction()?;
        while self.takes_word("or") {
            left = Node::Or(left.into(), self.conjunction()?.into());
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Node, ParseError> {
        let mut left = self.negation()?;
        while self.takes_word("and") {
            left = Node::And(left.into(), self.negation()?.into());
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Node, ParseError> {
        let mut count = 0_usize;
        while self.takes_word("not") {
            count += 1;
        }
        let inner = self.comparison()?;
        Ok(match count {
            0 => inner,
            count if count % 2 == 1 => Node::Not(inner.into()),
            _ => Node::Not(Node::Not(inner.into()).into()),
        })
    }

    fn comparison(&mut self) -> Result<Node, ParseError> {
        let left = self.sum()?;
        let Some(operator) = self.takes_operator(&[
            Operator::Equal,
            Operator::Unequal,
            Operator::AtMost,
            Operator::AtLeast,
            Operator::Below,
            Operator::Above,
        ]) else {
            return Ok(left);
        };
        Ok(Node::Binary(operator, left.into(), self.sum()?.into()))
    }

    fn takes_operator(&mut self, operators: &[Operator]) -> Option<Operator> {
        operators.iter().copied().find(|operator| self.takes_symbol(operator.symbol()))
    }

    fn sum(&mut self) -> Result<Node, ParseError> {
        let mut left = self.product()?;
        while let Some(operator) = self.takes_operator(&[Operator::Add, Operator::Subtract]) {
            left = Node::Binary(operator, left.into(), self.product()?.into());
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, ParseError> {
        let mut left = self.sign()?;
        while let Some(operator) = self.takes_operator(&[Operator::Multiply, Operator::Divide]) {
            left = Node::Binary(operator, left.into(), self.sign()?.into());
        }
        Ok(left)
    }

    fn sign(&mut self) -> Result<Node, ParseError> {
        let mut negative = false;
        loop {
            if self.takes_symbol("-") {
                negative = !negative;
            } else if !self.takes_symbol("+") {
                break;
            }
        }
        let inner = self.power()?;
        Ok(if negative { Node::Negate(inner.into()) } else { inner })
    }

    /// Binds to the right and tighter than the sign before it, looser than the sign after it, as in Python.
    fn power(&mut self) -> Result<Node, ParseError> {
        let base = self.atom()?;
        if !self.takes_symbol("**") {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > MOST_NESTING {
            return Err(ParseError::TooDeep { column: self.column() });
        }
        let exponent = self.sign()?;
        self.depth -= 1;
        Ok(Node::Binary(Operator::Power, base.into(), exponent.into()))
    }

    fn atom(&mut self) -> Result<Node, ParseError> {
        let column = self.column();
        let refused = self.unexpected("a number, a name or `(`");
        match self.advance() {
            Token::Number(value) => Ok(Node::Literal(value)),
            Token::Text(text) => Ok(Node::Literal(Value::Text(text))),
            Token::Quoted(name) => Ok(Node::Name(name)),
            Token::Symbol("(") => {
                let inner = self.choice()?;
                self.close()?;
                Ok(inner)
            }
            Token::Word(word) if word == "true" => Ok(Node::Literal(Value::Bool(true))),
            Token::Word(word) if word == "false" => Ok(Node::Literal(Value::Bool(false))),
            Token::Word(word) if !KEYWORDS.contains(&word.as_str()) => {
                if self.takes_symbol("(") {
                    self.call(&word, column)
                } else {
                    Ok(Node::Name(word))
                }
            }
            _ => Err(refused),
        }
    }

    fn close(&mut self) -> Result<(), ParseError> {
        if self.takes_symbol(")") { Ok(()) } else { Err(self.unexpected("`)`")) }
    }

    fn call(&mut self, name: &str, column: usize) -> Result<Node, ParseError> {
        let Some(function) = Function::ALL.into_iter().find(|function| function.name() == name)
        else {
            return Err(ParseError::UnknownFunction { column, name: name.to_owned() });
        };
        let mut arguments = Vec::new();
        if !self.takes_symbol(")") {
            arguments.push(self.choice()?);
            while self.takes_symbol(",") {
                arguments.push(self.choice()?);
            }
            self.close()?;
        }
        let many = matches!(function, Function::Min | Function::Max);
        let legal = if many { !arguments.is_empty() } else { arguments.len() == 1 };
        if !legal {
            let takes = if many { "one argument or more" } else { "one argument" };
            let name = function.name();
            return Err(ParseError::ArgumentCount { column, name, takes, given: arguments.len() });
        }
        Ok(Node::Call(function, arguments))
    }
}
