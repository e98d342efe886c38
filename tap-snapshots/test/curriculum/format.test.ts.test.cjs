/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/curriculum/format.test.ts > TAP > paper prompts > propose abduction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: write a new Python function together with one input for it
Write a Python program that defines a function \`f\`, and one input on which \`f\` is called. Helper functions and classes are welcome; define them before \`f\`.

Make something new, unlike every earlier program that is given at the end of this message, that takes careful, step-by-step algorithmic reasoning to see through. Another reasoner will get your program and the output it gives, but not the input, and has to find an input that gives this output, without running anything. It is meant as one item of a demanding IQ test.

### The program
- The function that is called has the name \`f\`, takes at least one argument and returns a value.
- The same input always gives the same output. Do not use random numbers, the time or date, files, the network, the environment, printing, logging, threads or other processes.
- Let it keep some state and change it over several steps, so that the result cannot be guessed at a glance.
- It finishes within a fraction of a second.
- Put imports, helpers and classes at the top and end with the return of \`f\`. No calls or tests after it.
- The result is plain data: numbers, strings, None, True or False, or lists, tuples, sets and dictionaries of such.

### The input
- Give exactly one input: the arguments of \`f\` as they stand between the brackets of a call, separated by commas.
- Write values only, no expressions; put strings in quotes.

### Form of the reply
One block fenced as \`python\` with the program, then one block fenced as \`input\` with the arguments:

\`\`\`python
def f(words: list, limit: int):
    # the steps
    return result
\`\`\`

\`\`\`input
['oak', 'ash'], 3
\`\`\`

### How it is judged
- It has to run: a program that fails, or an input that does not fit it, is worth nothing.
- Difficulty: an input that gives the output should be hard to find from the program and the output, yet possible to work out. Ideas that may help: trees, heaps, graphs, stacks, queues, dynamic programming, recursion, backtracking, greedy choices, number theory, string processing, simulation, bit operations.
- Novelty: it differs from the earlier programs in structure and idea, not only in names and numbers.
- Only modules for computation may be imported, such as math, itertools, functools, collections, heapq, bisect, re or string; a program that imports anything to do with chance, clocks, files, processes or the network is refused.

First plan what the program will do and why it is hard, then write it.

<snippet_1>
\`\`\`python
def f(a):
    return a + 1
\`\`\`
\`\`\`input
3
\`\`\`
\`\`\`output
4
\`\`\`
</snippet_1>

<snippet_2>
\`\`\`python
def f(a):
    return sorted(a)
\`\`\`
\`\`\`input
[2, 1]
\`\`\`
\`\`\`output
[1, 2]
\`\`\`
</snippet_2>
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > propose deduction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: write a new Python function together with one input for it
Write a Python program that defines a function \`f\`, and one input on which \`f\` is called. Helper functions and classes are welcome; define them before \`f\`.

Make something new, unlike every earlier program that is given at the end of this message, that takes careful, step-by-step algorithmic reasoning to see through. Another reasoner will get your program and its input and has to predict the output without running it. It is meant as one item of a demanding IQ test.

### The program
- The function that is called has the name \`f\`, takes at least one argument and returns a value.
- The same input always gives the same output. Do not use random numbers, the time or date, files, the network, the environment, printing, logging, threads or other processes.
- Let it keep some state and change it over several steps, so that the result cannot be guessed at a glance.
- It finishes within a fraction of a second.
- Put imports, helpers and classes at the top and end with the return of \`f\`. No calls or tests after it.
- The result is plain data: numbers, strings, None, True or False, or lists, tuples, sets and dictionaries of such.

### The input
- Give exactly one input: the arguments of \`f\` as they stand between the brackets of a call, separated by commas.
- Write values only, no expressions; put strings in quotes.

### Form of the reply
One block fenced as \`python\` with the program, then one block fenced as \`input\` with the arguments:

\`\`\`python
def f(words: list, limit: int):
    # the steps
    return result
\`\`\`

\`\`\`input
['oak', 'ash'], 3
\`\`\`

### How it is judged
- It has to run: a program that fails, or an input that does not fit it, is worth nothing.
- Difficulty: the output should be hard to predict from the program and the input, yet possible to work out. Ideas that may help: trees, heaps, graphs, stacks, queues, dynamic programming, recursion, backtracking, greedy choices, number theory, string processing, simulation, bit operations.
- Novelty: it differs from the earlier programs in structure and idea, not only in names and numbers.
- Only modules for computation may be imported, such as math, itertools, functools, collections, heapq, bisect, re or string; a program that imports anything to do with chance, clocks, files, processes or the network is refused.

First plan what the program will do and why it is hard, then write it.

<snippet_1>
\`\`\`python
def f(a):
    return a + 1
\`\`\`
\`\`\`input
3
\`\`\`
\`\`\`output
4
\`\`\`
</snippet_1>

<snippet_2>
\`\`\`python
def f(a):
    return sorted(a)
\`\`\`
\`\`\`input
[2, 1]
\`\`\`
\`\`\`output
[1, 2]
\`\`\`
</snippet_2>
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > propose error 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: write a new Python function together with one input for it
Write a Python program that defines a function \`f\`, and one input on which \`f\` is called. Helper functions and classes are welcome; define them before \`f\`.

Make something new, unlike every earlier program that is given at the end of this message, that takes careful, step-by-step algorithmic reasoning to see through. Another reasoner will get your program and its input and has to predict, without running it, which exception the call ends with, if any. It is meant as one item of a demanding IQ test.

### The program
- The function that is called has the name \`f\` and takes at least one argument. For your input it may end with an exception; then it should be one that comes about deep in its work. Some programs that look as if they would fail may also return a value. Do not write any of these words anywhere in the program: raise.
- The same input always ends the same way. Do not use random numbers, the time or date, files, the network, the environment, printing, logging, threads or other processes.
- Let it keep some state and change it over several steps, so that the end cannot be guessed at a glance.
- It finishes within a fraction of a second and does not run out of memory.
- Put imports, helpers and classes at the top and end with the return of \`f\`. No calls or tests after it.
- What it returns is plain data: numbers, strings, None, True or False, or lists, tuples, sets and dictionaries of such.

### The input
- Give exactly one input: the arguments of \`f\` as they stand between the brackets of a call, separated by commas.
- Write values only, no expressions; put strings in quotes.

### Form of the reply
One block fenced as \`python\` with the program, then one block fenced as \`input\` with the arguments:

\`\`\`python
def f(words: list, limit: int):
    # the steps
    return result
\`\`\`

\`\`\`input
['oak', 'ash'], 3
\`\`\`

### How it is judged
- It has to run: a program with a syntax error, or an input that is no list of values, is worth nothing.
- Difficulty: whether and how the call fails should be hard to predict from the program and the input, yet possible to work out. Ideas that may help: trees, heaps, graphs, stacks, queues, dynamic programming, recursion, backtracking, greedy choices, number theory, string processing, simulation, bit operations.
- Novelty: it differs from the earlier programs in structure and idea, not only in names and numbers.
- Only modules for computation may be imported, such as math, itertools, functools, collections, heapq, bisect, re or string; a program that imports anything to do with chance, clocks, files, processes or the network is refused.

First plan what the program will do, where it may fail and why that is hard to see, then write it.

<snippet_1>
\`\`\`python
def f(a):
    return a + 1
\`\`\`
\`\`\`input
3
\`\`\`
\`\`\`error
NoError
\`\`\`
</snippet_1>

<snippet_2>
\`\`\`python
def f(a):
    return sorted(a)
\`\`\`
\`\`\`input
[2, 1]
\`\`\`
\`\`\`error
NoError
\`\`\`
</snippet_2>
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > propose induction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: write 6 inputs for a program, and a message
Here is a Python program:

\`\`\`python
def f(a):
    return a + 1
\`\`\`

Write 6 different inputs for its function \`f\`, and one message. Another reasoner will see some of your inputs with their outputs, and your message, but never the program; it has to work out a program that gives the same outputs for all of your inputs. It is meant as one item of a demanding IQ test.

### The inputs
- Give 6 inputs, each in a block of its own fenced as \`input\`: the arguments of \`f\` as they stand between the brackets of a call, separated by commas.
- Write values only, no expressions; put strings in quotes.
- Together they should exercise every path through the program and show enough for its behaviour to be worked out.

### The message
- One block fenced as \`message\`. It may take any form, even that of a coding problem, and should help the reader towards the program without giving away its code.

### Form of the reply

\`\`\`input
['oak', 'ash'], 3
\`\`\`

\`\`\`input
[], 0
\`\`\`

and so on for 6 inputs, then

\`\`\`message
How does the limit decide which words stay?
\`\`\`

### How it is judged
- Every input has to run: one that fails makes the whole reply worth nothing.
- Coverage: the inputs differ from one another and cover the edge cases.
- Difficulty: the program should be hard to work out, but not impossible.

First plan which behaviours to show, then write the inputs and the message.
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > solve abduction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: find an input that gives an output
Find an input for which this program returns the given output. There may be several; one is enough. Nothing can be run: reason backwards step by step.

\`\`\`python
def f(a):
    return a + 1
\`\`\`

\`\`\`output
4
\`\`\`

Reply with the arguments of \`f\`, in one block fenced as \`input\`: as they stand between the brackets of a call, separated by commas, values only, strings in quotes. For example:

\`\`\`input
['oak', 'ash'], 3
\`\`\`
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > solve deduction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: predict the output of a Python program
Work out what this program returns for the given input. Nothing can be run: follow it step by step.

\`\`\`python
def f(a):
    return a + 1
\`\`\`

\`\`\`input
3
\`\`\`

Reply with the value that \`f\` returns for this input, in one block fenced as \`output\`. Write it as a Python value, strings in quotes; if several values are returned, write them as a tuple. For example:

\`\`\`output
{'oak': [1, 2], 'ash': []}
\`\`\`
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > solve error 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: predict the exception of a Python program
Work out how the call of \`f\` with the given input ends: with which exception, or without one. Nothing can be run: follow it step by step.

\`\`\`python
def f(a):
    return a + 1
\`\`\`

\`\`\`input
3
\`\`\`

Reply with the name of the exception's class, in one block fenced as \`error\`: the name of a builtin class of Python, without the message; for a class that the program defines, the nearest builtin class that it is derived from. If the call returns a value, the word is NoError. For example:

\`\`\`error
ZeroDivisionError
\`\`\`
Assistant: <think>
`

exports[`test/curriculum/format.test.ts > TAP > paper prompts > solve induction 1`] = `
User and Assistant talk with each other. To each request of the User the Assistant first thinks, unseen by the User, between <think> and </think>; then it gives its reply between <answer> and </answer>. So everything it writes has the form: <think> thoughts </think> <answer> reply </answer>
User: ## Task: find the program behind inputs and outputs
Below are inputs of an unknown function and the outputs it gave, with a message about it. Write a function \`f\` that gives these outputs. It will be tried on further inputs of the same kind, so find the rule; do not list the cases.

Input 1:
\`\`\`input
1
\`\`\`
Output 1:
\`\`\`output
2
\`\`\`

Input 2:
\`\`\`input
5
\`\`\`
Output 2:
\`\`\`output
6
\`\`\`

Message:
\`\`\`message
one more
\`\`\`

Reply with the program in one block fenced as \`python\`. The function has the name \`f\`, takes the arguments as the inputs show them and returns the output. It must not use random numbers, the time or date, files, the network, the environment, printing, logging, threads or other processes. For example:

\`\`\`python
def f(a):
    return a
\`\`\`
Assistant: <think>
`
