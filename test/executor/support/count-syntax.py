# Which parts of the language programs use: JSON in, JSON out. Run with `python3 -I`. A program that does not compile counts for nothing.
import ast
import builtins
import json
import sys

nodes, names, methods = set(), set(), set()
programs = json.load(sys.stdin)
for item in programs:
    try:
        tree = ast.parse(item["program"])
    except (SyntaxError, ValueError):
        continue
    for node in ast.walk(tree):
        nodes.add(type(node).__name__)
        if type(node) is ast.Name and hasattr(builtins, node.id):
            names.add(node.id)
        if type(node) is ast.Call and type(node.func) is ast.Attribute:
            methods.add(node.func.attr)
# What nothing in the grammar makes any more, or stands above the others, is no part of the language, and what is newer than 3.11 not of every version.
old = {"AST", "Num", "Str", "Bytes", "NameConstant", "Ellipsis", "Index", "ExtSlice", "Suite", "AugLoad", "AugStore", "Param", "FunctionType",
       "Expression", "Interactive", "TypeIgnore", "slice", "TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple", "TemplateStr", "Interpolation"}
every = {name for name in dir(ast) if isinstance(getattr(ast, name), type) and issubclass(getattr(ast, name), ast.AST)
         and name not in old and not name.islower() and not name.startswith("_")}
json.dump({"nodes": sorted(nodes), "never": sorted(every - nodes), "builtins": sorted(names), "methods": sorted(methods)}, sys.stdout)
