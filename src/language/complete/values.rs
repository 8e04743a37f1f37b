//! The values of arguments.

use super::choose::{Offer, Style};
use super::live::{self, Takes};
use super::place::Arguments;
use super::{LiveValue, Peer, Question, marks};
use crate::language::syntax::{Key, Span, ValuePlace};
use crate::schema::{Builtin, Schema, Type, TypeId};

/// What can be the value of `key` at `span`, and how it is written.
pub(super) fn offers(
    peer: Peer<'_>,
    arguments: &Arguments<'_>,
    key: &Key,
    place: ValuePlace,
    span: Span,
    line: &str,
) -> (Span, Style, Vec<Offer>) {
    let typed = span.of(line);
    let before = line[..span.start].chars().next_back();
    let style = match place {
        ValuePlace::Plain => Style::Plain,
        ValuePlace::Quoted(quote) => Style::Quoted(quote),
        ValuePlace::Text | ValuePlace::Json => Style::Bare,
        ValuePlace::File => match before {
            Some(quote @ ('"' | '\'')) => Style::Quoted(quote),
            _ => Style::Plain,
        },
    };
    let schema = peer.schema;
    let ty = schema.zip(arguments.find(&key.parts).ty);
    let offers = match place {
        ValuePlace::File => files(peer, typed),
        ValuePlace::Json if typed.starts_with(['{', '[']) => Vec::new(),
        ValuePlace::Json => ty.map(|(schema, ty)| json(schema, ty)).unwrap_or_default(),
        _ => {
            let mut offers = ty.map(|(schema, ty)| typed_values(schema, ty, place, typed)).unwrap_or_default();
            offers.extend(live_values(peer, arguments, key, typed));
            offers
        }
    };
    (span, style, offers)
}

/// What the type allows.
fn typed_values(schema: &Schema, ty: TypeId, place: ValuePlace, typed: &str) -> Vec<Offer> {
    let mut offers: Vec<_> = schema
        .enum_values(ty)
        .unwrap_or_default()
        .iter()
        .map(|value| Offer::new(&value.name, marks(&value.features)).then(" "))
        .collect();
    if place == ValuePlace::Plain {
        for choice in schema.choices(ty) {
            match schema.get(choice) {
                Type::Builtin(Builtin::Bool) => offers.extend(booleans(typed)),
                Type::Builtin(Builtin::Null) => offers.push(Offer::new("null", "no value").then(" ")),
                _ => {}
            }
        }
    }
    offers
}

/// True and false as the schema writes them; in another spelling only where that has been begun.
fn booleans(typed: &str) -> Vec<Offer> {
    let spelled: &[&str] = match typed.chars().next() {
        None | Some('t' | 'T' | 'f' | 'F') => &["true", "false"],
        Some('o' | 'O') => &["on", "off"],
        Some('y' | 'Y' | 'n' | 'N') => &["yes", "no"],
        Some(_) => &[],
    };
    spelled.iter().map(|text| Offer::new(text, "").then(" ")).collect()
}

/// What the type allows, as JSON.
fn json(schema: &Schema, ty: TypeId) -> Vec<Offer> {
    let mut offers = Vec::new();
    for choice in schema.choices(ty) {
        let texts: Vec<String> = match schema.get(choice) {
            Type::Builtin(Builtin::Bool) => vec!["true".into(), "false".into()],
            Type::Builtin(Builtin::Null) => vec!["null".into()],
            Type::Enum(values) => values.iter().map(|value| format!("\"{}\"", value.name)).collect(),
            _ => continue,
        };
        offers.extend(texts.iter().map(|text| Offer::new(text, "").then(" ")));
    }
    offers
}

/// What exists at the peer.
fn live_values(peer: Peer<'_>, arguments: &Arguments<'_>, key: &Key, typed: &str) -> Vec<Offer> {
    let name = key.parts.iter().rev().find(|part| part.quoted || part.text.parse::<usize>().is_err());
    let Some(name) = name.map(|part| part.text.as_str()) else { return Vec::new() };
    let takes = live::takes(arguments.command, name);
    let mut offers = Vec::new();
    for takes in takes {
        match (takes, live::question(*takes)) {
            (_, Some(question)) => offers.extend(named(peer.live.values(&question))),
            (Takes::Objects(ty), _) => offers.extend(objects(peer, ty)),
            (Takes::Bitmaps(node), _) => {
                offers.extend(named(peer.live.values(&Question::Bitmaps(arguments.text(&[*node])))));
            }
            (Takes::Path, _) => offers.extend(paths(peer, typed)),
            (Takes::Property, _) => {
                if let Some(path) = arguments.text(&["path"]) {
                    offers.extend(named(peer.live.values(&Question::Properties(path))));
                }
            }
            (Takes::Hmp, _) => offers.extend(hmp(peer, typed)),
            _ => {}
        }
    }
    // The same node may be a device and a node.
    let mut seen = Vec::new();
    offers.retain(|offer| {
        !seen.contains(&offer.text) && {
            seen.push(offer.text.clone());
            true
        }
    });
    if takes.is_empty() {
        offers.extend(property_values(peer, arguments, key, typed));
    }
    offers
}

/// The objects whose type begins like this.
fn objects(peer: Peer<'_>, ty: &str) -> Vec<Offer> {
    let mut objects = peer.live.values(&Question::Objects);
    objects.retain(|object| object.about.starts_with(ty));
    named(objects)
}

pub(super) fn named(values: Vec<LiveValue>) -> Vec<Offer> {
    values.into_iter().map(|value| Offer::new(&value.name, value.about).then(" ")).collect()
}

/// The paths of the object model, one step further than what is typed.
fn paths(peer: Peer<'_>, typed: &str) -> Vec<Offer> {
    let (parent, last) = match typed.rsplit_once('/') {
        Some((parent, last)) => (parent, last),
        None if typed.is_empty() => ("", ""),
        // A path that does not begin with `/` is looked for in the whole tree.
        None => return Vec::new(),
    };
    let at = |path: &str| if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    let children = peer.live.values(&Question::Children(at(parent)));
    let mut below = children.iter().filter(|child| child.name.starts_with(last));
    if let (Some(only), None) = (below.next(), below.next())
        && only.name == last
    {
        // It is whole already: what it has comes next.
        let further = peer.live.values(&Question::Children(typed.to_owned()));
        return steps(typed, further);
    }
    steps(parent, children)
}

fn steps(parent: &str, children: Vec<LiveValue>) -> Vec<Offer> {
    let step = |child: LiveValue| Offer::new(&format!("{parent}/{}", child.name), child.about).called(child.name);
    children.into_iter().map(step).collect()
}

/// What is in the directory that is typed, or begun.
pub(super) fn files(peer: Peer<'_>, typed: &str) -> Vec<Offer> {
    let (directory, last) =
        typed.rsplit_once('/').map_or(("", typed), |_| typed.split_at(typed.rfind('/').map_or(0, |at| at + 1)));
    let found = peer.live.values(&Question::Files(directory.to_owned()));
    let wanted = found.into_iter().filter(|file| last.starts_with('.') || !file.name.starts_with('.'));
    let offers = wanted.map(|file| {
        let then = if file.name.ends_with('/') { "" } else { " " };
        Offer::new(&format!("{directory}{}", file.name), "").called(file.name).then(then)
    });
    offers.collect()
}

/// The words of a line of the human monitor, as the text of an argument.
fn hmp(peer: Peer<'_>, typed: &str) -> Vec<Offer> {
    let before = &typed[..typed.len() - hmp_word(typed).len()];
    let word = |value: LiveValue| Offer::new(&format!("{before}{}", value.name), value.about).called(value.name);
    hmp_values(peer, typed).into_iter().map(word).collect()
}

/// The word at the end of a line of the human monitor.
pub(super) fn hmp_word(typed: &str) -> &str {
    typed.rsplit(' ').next().unwrap_or_default()
}

/// What can stand at the end of a line of the human monitor: its first word, and the second of those that have some.
pub(super) fn hmp_values(peer: Peer<'_>, typed: &str) -> Vec<LiveValue> {
    match typed.trim_start().split_once(' ') {
        None => peer.live.values(&Question::Hmp(None)),
        Some((first, rest)) if !rest.contains(' ') => peer.live.values(&Question::Hmp(Some(first.to_owned()))),
        Some(_) => Vec::new(),
    }
}

/// The value of a property: of a device to be added, or of the object at a path.
fn property_values(peer: Peer<'_>, arguments: &Arguments<'_>, key: &Key, typed: &str) -> Vec<Offer> {
    let (question, name) = match arguments.command {
        "device_add" => (arguments.text(&["driver"]).map(Question::PropertiesOfType), Some(key.joined())),
        "qom-set" if key.joined() == "value" => {
            (arguments.text(&["path"]).map(Question::Properties), arguments.text(&["property"]))
        }
        _ => (None, None),
    };
    let (Some(question), Some(name)) = (question, name) else { return Vec::new() };
    let Some(property) = peer.live.values(&question).into_iter().find(|property| property.name == name) else {
        return Vec::new();
    };
    match property.about.as_str() {
        "bool" if arguments.command == "device_add" && typed.is_empty() => booleans("o"),
        "bool" => booleans(typed),
        "OnOffAuto" => ["on", "off", "auto"].map(|text| Offer::new(text, "").then(" ")).into(),
        ty if ty.starts_with("link<") => objects(peer, ty["link<".len()..].trim_end_matches('>')),
        _ => Vec::new(),
    }
}
