//! What leaves the store has a name: no tuple of three or more, neither as an answer nor as a field
//! of one, nor behind another name. Tests are not read.

use std::path::Path;

use syn::visit::Visit;
use syn::{Attribute, Fields, ImplItem, Item, ReturnType, Type, TypeTuple, Visibility};

#[test]
fn no_tuple_of_three_leaves_the_store() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/core/src/store");
    let mut found = Vec::new();
    for path in sources(&store) {
        let text = std::fs::read_to_string(&path).unwrap();
        let nameless = nameless(&syn::parse_file(&text).unwrap().items);
        found.extend(nameless.into_iter().map(|name| format!("{}: {name}", path.display())));
    }
    assert!(found.is_empty(), "tuples of three and more:\n{}", found.join("\n"));
}

#[test]
fn each_way_out_of_the_store_is_watched() {
    let ways = [
        "pub fn f() -> Vec<(u8, u8, u8)> { vec![] }",
        "impl Store { pub fn f(&self) -> Result<Option<(u8, (u8, u8, u8))>> { Ok(None) } }",
        "pub type Row = (u8, u8, u8);",
        "type Row = (u8, u8, u8); impl Store { pub fn f(&self) -> Row { todo!() } }",
        "pub struct S { pub rows: Vec<(u8, u8, u8)> }",
        "pub enum E { A(Vec<(u8, u8, u8)>) }",
    ];
    for way in ways {
        assert_eq!(nameless(&syn::parse_file(way).unwrap().items).len(), 1, "{way}");
    }
    let inside = [
        "fn f() -> (u8, u8, u8) { todo!() }",
        "pub(super) fn f() -> (u8, u8, u8) { todo!() }",
        "pub fn f(of: (u8, u8, u8)) -> (u8, u8) { todo!() }",
        "#[cfg(test)] mod tests { pub fn f() -> (u8, u8, u8) { todo!() } }",
        "pub struct S { rows: Vec<(u8, u8, u8)> }",
    ];
    for inside in inside {
        assert!(nameless(&syn::parse_file(inside).unwrap().items).is_empty(), "{inside}");
    }
}

/// Rust files below a folder that are no tests.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !name.ends_with("tests") {
            found.push(path);
        }
    }
    found
}

/// Whatever of these items is public and holds a tuple of three or more.
fn nameless(items: &[Item]) -> Vec<String> {
    let aliases = items.iter().filter_map(|item| match item {
        Item::Type(it) if is_wide(&it.ty, &[]) => Some(it.ident.to_string()),
        _ => None,
    });
    let aliases: Vec<String> = aliases.collect();
    let wide = |output: &ReturnType| match output {
        ReturnType::Default => false,
        ReturnType::Type(_, ty) => is_wide(ty, &aliases),
    };
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Fn(it) if is_public(&it.vis, &it.attrs) && wide(&it.sig.output) => {
                found.push(it.sig.ident.to_string());
            }
            Item::Type(it) if is_public(&it.vis, &it.attrs) && is_wide(&it.ty, &[]) => {
                found.push(it.ident.to_string());
            }
            Item::Impl(block) => found.extend(block.items.iter().filter_map(|it| match it {
                ImplItem::Fn(it) if is_public(&it.vis, &it.attrs) && wide(&it.sig.output) => {
                    Some(it.sig.ident.to_string())
                }
                _ => None,
            })),
            Item::Struct(it) if is_public(&it.vis, &it.attrs) => {
                found.extend(wide_fields(&it.fields, false, &aliases, &it.ident.to_string()));
            }
            Item::Enum(it) if is_public(&it.vis, &it.attrs) => {
                found.extend(it.variants.iter().flat_map(|variant| {
                    wide_fields(&variant.fields, true, &aliases, &variant.ident.to_string())
                }));
            }
            _ => {}
        }
    }
    found
}

fn wide_fields(fields: &Fields, all: bool, aliases: &[String], of: &str) -> Vec<String> {
    let seen = |field: &&syn::Field| all || is_public(&field.vis, &field.attrs);
    let wide = fields.iter().filter(seen).filter(|field| is_wide(&field.ty, aliases));
    wide.map(|_| of.to_owned()).collect()
}

fn is_public(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let of_tests = attributes.iter().any(|it| it.path().is_ident("cfg"));
    matches!(visibility, Visibility::Public(_)) && !of_tests
}

/// Whether a type is a tuple of three or more, has one inside, or is an alias of one.
fn is_wide(ty: &Type, aliases: &[String]) -> bool {
    struct Wide<'a>(bool, &'a [String]);
    impl<'ast> Visit<'ast> for Wide<'_> {
        fn visit_type_tuple(&mut self, it: &'ast TypeTuple) {
            self.0 |= it.elems.len() >= 3;
            syn::visit::visit_type_tuple(self, it);
        }
        fn visit_type_path(&mut self, it: &'ast syn::TypePath) {
            self.0 |= self.1.iter().any(|alias| it.path.is_ident(alias));
            syn::visit::visit_type_path(self, it);
        }
    }
    let mut wide = Wide(false, aliases);
    wide.visit_type(ty);
    wide.0
}
