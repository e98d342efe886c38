// The committed mix that `azr bench executor` measures: what people and models write when nobody attacks anybody. Numbers, texts, lists,
// dicts, sets, recursion, classes, generators, errors that are caught, and a few that import more than the common modules.

export interface OrdinaryProgram {
  program: string;
  /** Argument text of the call. */
  input: string;
}

const of = (input: string, ...lines: string[]): OrdinaryProgram => ({ program: lines.join("\n"), input });

export const ordinaryPrograms: readonly OrdinaryProgram[] = [
  of("[3, 1, 2]", "def f(a):", "    return a[::-1]"),
  of("7", "def f(n):", "    return 3 * n + 1"),
  of("[5, 2, 9, 1]", "def f(a):", "    b = sorted(a)", "    b = [x + 2 for x in b]", "    return sum(b)"),
  of("10", "def f(n):", "    a, b = 0, 1", "    for _ in range(n):", "        a, b = b, a + b", "    return a"),
  of("27", "def f(n):", "    steps = 0", "    while n != 1:", "        n = n // 2 if n % 2 == 0 else 3 * n + 1", "        steps += 1", "    return steps"),
  of("60", "def f(n):", "    return [p for p in range(2, n) if all(p % d for d in range(2, int(p ** 0.5) + 1))]"),
  of("48, 36", "def f(a, b):", "    while b:", "        a, b = b, a % b", "    return a"),
  of("255", "def f(n):", "    return bin(n), oct(n), hex(n), n.bit_length()"),
  of("12", "def f(n):", "    return n if n < 2 else f(n - 1) + f(n - 2)"),
  of("20", "def f(n):", "    r = 1", "    for i in range(2, n + 1):", "        r *= i", "    return str(r)[::-1]"),
  of("2.5, 4", "def f(x, y):", "    return [x + y, x * y, x / y, round(x ** y, 3)]"),
  of("-7, 3", "def f(a, b):", "    return divmod(a, b), -a // b, a % -b"),
  of("3, 4", "import math", "def f(a, b):", "    return math.hypot(a, b), math.gcd(a, b), math.comb(9, a)"),
  of("'hello world'", "def f(s):", "    return ' '.join(word.capitalize() for word in s.split())"),
  of("'racecar'", "def f(s):", "    return s == s[::-1], len(set(s))"),
  of("'attack at dawn', 3", "def f(s, k):", "    return ''.join(chr((ord(c) - 97 + k) % 26 + 97) if c.isalpha() else c for c in s)"),
  of("'aaabbc'", "def f(s):", "    out = ''", "    i = 0", "    while i < len(s):", "        j = i", "        while j < len(s) and s[j] == s[i]:", "            j += 1", "        out += s[i] + str(j - i)", "        i = j", "    return out"),
  of("'the cat the dog the end'", "from collections import Counter", "def f(s):", "    return Counter(s.split()).most_common(2)"),
  of("'a1b22c333'", "import re", "def f(s):", "    return re.findall(r'\\d+', s), re.sub(r'[a-z]', '-', s)"),
  of("'([]{})'", "def f(s):", "    pairs = {')': '(', ']': '[', '}': '{'}", "    stack = []", "    for c in s:", "        if c in pairs:", "            if not stack or stack.pop() != pairs[c]:", "                return False", "        else:", "            stack.append(c)", "    return not stack"),
  of("1234.5, 'x'", "def f(n, s):", "    return f'{n:>10.2f}|{s!r:<5}|{n:e}'"),
  of("'gr\\u00fc\\u00df'", "def f(s):", "    return s.encode('utf-8'), s.upper(), s.casefold()"),
  of("[[1, 2], [3, 4]]", "def f(m):", "    return [list(row) for row in zip(*m)]"),
  of("[[1, 2], [3, 4]], [[0, 1], [1, 0]]", "def f(a, b):", "    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]"),
  of("[1, [2, [3, [4]]]]", "def f(x):", "    return [y for v in x for y in (f(v) if isinstance(v, list) else [v])]"),
  of("[4, 2, 7, 2, 4]", "def f(a):", "    seen = set()", "    return [x for x in a if not (x in seen or seen.add(x))]"),
  of("[1, 2, 3, 4, 5, 6]", "def f(a):", "    even = [x for x in a if x % 2 == 0]", "    odd = [x for x in a if x % 2]", "    return even, odd, dict(zip(odd, even))"),
  of("[9, 4, 6, 1]", "def f(a):", "    a = list(a)", "    for i in range(len(a)):", "        for j in range(len(a) - 1 - i):", "            if a[j] > a[j + 1]:", "                a[j], a[j + 1] = a[j + 1], a[j]", "    return a"),
  of("[1, 3, 5, 7, 9, 11], 7", "def f(a, x):", "    low, high = 0, len(a) - 1", "    while low <= high:", "        middle = (low + high) // 2", "        if a[middle] == x:", "            return middle", "        if a[middle] < x:", "            low = middle + 1", "        else:", "            high = middle - 1", "    return -1"),
  of("[-2, 1, -3, 4, -1, 2, 1, -5, 4]", "def f(a):", "    best = current = a[0]", "    for x in a[1:]:", "        current = max(x, current + x)", "        best = max(best, current)", "    return best"),
  of("'kitten', 'sitting'", "def f(a, b):", "    row = list(range(len(b) + 1))", "    for i, x in enumerate(a, 1):", "        before, row[0] = row[0], i", "        for j, y in enumerate(b, 1):", "            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))", "    return row[-1]"),
  of("{'b': 2, 'a': 1}", "def f(d):", "    d['c'] = sum(d.values())", "    return {v: k for k, v in sorted(d.items())}"),
  of("['eat', 'tea', 'tan', 'ate', 'nat']", "from collections import defaultdict", "def f(words):", "    groups = defaultdict(list)", "    for word in words:", "        groups[''.join(sorted(word))].append(word)", "    return groups"),
  of("{1, 2, 3}, {2, 3, 4}", "def f(a, b):", "    return a | b, a & b, a ^ b, frozenset(a - b)"),
  of("{'a': ['b', 'c'], 'b': ['d'], 'c': ['d'], 'd': []}", "def f(graph):", "    order, seen = [], set()", "    def visit(node):", "        if node not in seen:", "            seen.add(node)", "            for other in graph[node]:", "                visit(other)", "            order.append(node)", "    for node in graph:", "        visit(node)", "    return order[::-1]"),
  of("[(0, 1), (1, 2), (3, 4)]", "from collections import deque", "def f(edges):", "    near = {}", "    for a, b in edges:", "        near.setdefault(a, []).append(b)", "        near.setdefault(b, []).append(a)", "    found, seen = [], set()", "    for start in near:", "        if start in seen:", "            continue", "        queue, part = deque([start]), []", "        seen.add(start)", "        while queue:", "            node = queue.popleft()", "            part.append(node)", "            for other in near[node]:", "                if other not in seen:", "                    seen.add(other)", "                    queue.append(other)", "        found.append(sorted(part))", "    return found"),
  of("6", "def f(n):", "    row = [1]", "    for _ in range(n):", "        row = [1] + [a + b for a, b in zip(row, row[1:])] + [1]", "    return row"),
  of("5", "def f(n):", "    solutions = []", "    def place(row, columns):", "        if row == n:", "            solutions.append(columns)", "            return", "        for column in range(n):", "            if all(column != c and abs(column - c) != row - r for r, c in enumerate(columns)):", "                place(row + 1, columns + [column])", "    place(0, [])", "    return len(solutions), solutions[0]"),
  of("[1, 2, 5], 11", "def f(coins, total):", "    ways = [1] + [0] * total", "    for coin in coins:", "        for i in range(coin, total + 1):", "            ways[i] += ways[i - coin]", "    return ways[total]"),
  of("[5, 3, 8, 1, 9]", "import heapq", "def f(a):", "    heapq.heapify(a)", "    return [heapq.heappop(a) for _ in range(3)], heapq.nlargest(2, a)"),
  of("[1, 2, 3]", "from itertools import accumulate, combinations, product", "def f(a):", "    return list(combinations(a, 2)), list(accumulate(a)), len(list(product(a, a)))"),
  of("30", "from functools import lru_cache", "@lru_cache(maxsize=None)", "def ways(n):", "    return 1 if n < 2 else ways(n - 1) + ways(n - 2)", "def f(n):", "    return ways(n)"),
  of("[2, 7, 11]", "from typing import List", "def f(numbers: List[int]) -> int:", "    total: int = 0", "    for index, number in enumerate(numbers):", "        total += index * number", "    return total"),
  of("10, 3", "class Account:", "    def __init__(self, balance):", "        self.balance = balance", "    def pay(self, amount):", "        if amount > self.balance:", "            raise ValueError('too little')", "        self.balance -= amount", "        return self", "def f(balance, amount):", "    return Account(balance).pay(amount).pay(amount).balance"),
  of("5", "def squares(n):", "    for i in range(n):", "        yield i * i", "def f(n):", "    return [x for x in squares(n) if x % 2], tuple(squares(3))"),
  of("['1', 'x', '3']", "def f(texts):", "    out = []", "    for text in texts:", "        try:", "            out.append(int(text))", "        except ValueError as error:", "            out.append(str(error))", "    return out"),
  of("[1, 2, 3]", "def f(a):", "    return a[5]"),
  of("'{\"a\": [1, 2.5, null]}'", "import json", "def f(s):", "    data = json.loads(s)", "    data['b'] = True", "    return data, json.dumps(data, sort_keys=True)"),
  of("[1, 2, 3, 4]", "import statistics", "def f(a):", "    return statistics.mean(a), statistics.median(a)"),
  of("2024, 2, 28", "import datetime", "def f(y, m, d):", "    day = datetime.date(y, m, d) + datetime.timedelta(days=2)", "    return day.isoformat(), day.weekday()"),
];
