// What the lint tests look at: the files of the checkout and the imports of a TypeScript file.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Paths of the files that belong to the project, relative to its root: what git knows or would add. */
export function projectFiles(): string[] {
  if (existsSync(join(root, ".git"))) {
    const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
    const listed = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
    return listed.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
  }
  const made = new Set(["node_modules", "dist", "build", ".tap", "runs"]);
  const visit = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (made.has(entry.name)) return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? visit(path) : [relative(root, path)];
    });
  return visit(root);
}

export interface Import {
  /** As written. */
  specifier: string;
  /** Relative to the project's root, for relative specifiers. */
  target: string | undefined;
  typeOnly: boolean;
}

/** Every import, re-export and import() with a literal of one TypeScript file. */
export function importsOf(path: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean) => {
    const target = specifier.startsWith(".") ? relative(root, resolve(root, dirname(path), specifier)) : undefined;
    found.push({ specifier, target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      const typeOnly = ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : node.isTypeOnly;
      add(node.moduleSpecifier.text, typeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) add(argument.text, false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      add(node.argument.literal.text, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true));
  return found;
}
